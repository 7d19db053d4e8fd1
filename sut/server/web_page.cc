#include "sut/server/web_page.h"

#include <nlohmann/json.hpp>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "sut/server/partition_text.h"

namespace sut {
namespace {

std::string HexOf(const std::string& bytes) { return absl::BytesToHexString(bytes); }

std::string LeaderAddress(const ClusterView& view, const std::string& tablet) {
  const auto leader = view.Leader(tablet);
  return leader ? view.nodes.at(*leader).address : "";
}

std::string StateName(const proto::SnapshotInfo& snapshot) { return proto::SnapshotInfo::State_Name(snapshot.state()); }
std::string StateName(const proto::RestorationInfo& one) { return proto::RestorationInfo::State_Name(one.state()); }
std::string StateName(const proto::TableInfo& table) { return proto::TableInfo::State_Name(table.state()); }

std::string Row(std::initializer_list<std::string> cells) {
  std::string out = "<tr>";
  for (const std::string& cell : cells) absl::StrAppend(&out, "<td>", EscapeHtml(cell), "</td>");
  return absl::StrCat(out, "</tr>\n");
}

std::string TableOpen(std::initializer_list<std::string> heads) {
  std::string out = "<table><tr>";
  for (const std::string& head : heads) absl::StrAppend(&out, "<th>", EscapeHtml(head), "</th>");
  return absl::StrCat(out, "</tr>\n");
}

std::string TabletRows(const ClusterView& view) {
  std::string out = TableOpen({"Keyspace", "Table", "Tablet UUID", "Range", "Leader", "Replicas on nodes"});
  for (const auto& table : view.tables.tables()) {
    for (const auto& tablet : table.tablets()) {
      std::string nodes;
      for (const auto& replica : tablet.replicas()) absl::StrAppend(&nodes, nodes.empty() ? "" : ", ", replica.node());
      const std::string range = PartitionRangeText({tablet.hash_begin(), tablet.hash_end()});
      out += Row({table.keyspace(), table.name(), HexOf(tablet.id()), range, LeaderAddress(view, tablet.id()), nodes});
    }
  }
  return out + "</table>\n";
}

constexpr char kStyle[] =
    "body{font-family:sans-serif;margin:2em;color:#222}table{border-collapse:collapse;margin-bottom:2em}"
    "th,td{border:1px solid #bbb;padding:.3em .7em;text-align:left}th{background:#eee}td{font-family:monospace}";

}  // namespace

std::string EscapeHtml(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (const char c : text) {
    switch (c) {
      case '&':
        out += "&amp;";
        break;
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '"':
        out += "&quot;";
        break;
      case '\'':
        out += "&#39;";
        break;
      default:
        out += c;
    }
  }
  return out;
}

std::string TablesHtml(const ClusterView& view) {
  std::string out = absl::StrCat("<!DOCTYPE html>\n<html><head><meta charset=\"utf-8\"><title>Tables</title><style>",
                                 kStyle, "</style></head><body>\n<h1>Tables</h1>\n<h2>User Tables</h2>\n");
  out += TableOpen({"Keyspace", "Table", "State", "Table UUID", "Tablets"});
  for (const auto& table : view.tables.tables()) {
    out +=
        Row({table.keyspace(), table.name(), StateName(table), HexOf(table.id()), absl::StrCat(table.tablets_size())});
  }
  out += "</table>\n<h2>Tablets</h2>\n" + TabletRows(view);
  out += "<h2>Snapshots</h2>\n" + TableOpen({"Snapshot UUID", "State", "Tables", "Tablets done"});
  for (const auto& snapshot : view.snapshots.snapshots()) {
    int done = 0;
    for (const auto& tablet : snapshot.tablets()) done += tablet.done() ? 1 : 0;
    std::string tables;
    for (const auto& table : snapshot.tables()) absl::StrAppend(&tables, tables.empty() ? "" : ", ", HexOf(table));
    out +=
        Row({HexOf(snapshot.id()), StateName(snapshot), tables, absl::StrCat(done, " of ", snapshot.tablets_size())});
  }
  out += "</table>\n<h2>Restorations</h2>\n" + TableOpen({"Restoration UUID", "State", "Snapshot UUID"});
  for (const auto& restoration : view.snapshots.restorations()) {
    out += Row({HexOf(restoration.id()), StateName(restoration), HexOf(restoration.snapshot())});
  }
  out += "</table>\n<h2>Nodes</h2>\n" + TableOpen({"Node", "Address", "State", "Replicas", "Leads"});
  for (const auto& [id, node] : view.nodes) {
    int leads = 0;
    if (node.status) {
      for (const auto& replica : node.status->replicas()) leads += replica.leads() ? 1 : 0;
    }
    out += Row({absl::StrCat(id.value), node.address, node.status ? "up" : "no answer",
                node.status ? absl::StrCat(node.status->replicas_size()) : "", node.status ? absl::StrCat(leads) : ""});
  }
  return out + "</table>\n</body></html>\n";
}

std::string TablesJson(const ClusterView& view) {
  using nlohmann::json;
  json tables = json::array();
  for (const auto& table : view.tables.tables()) {
    json tablets = json::array();
    for (const auto& tablet : table.tablets()) {
      json replicas = json::array();
      for (const auto& replica : tablet.replicas())
        replicas.push_back({{"node", replica.node()}, {"id", replica.replica()}});
      tablets.push_back({{"id", HexOf(tablet.id())},
                         {"hash_begin", tablet.hash_begin()},
                         {"hash_end", tablet.hash_end()},
                         {"leader", LeaderAddress(view, tablet.id())},
                         {"replicas", replicas}});
    }
    tables.push_back({{"id", HexOf(table.id())},
                      {"keyspace", table.keyspace()},
                      {"name", table.name()},
                      {"state", StateName(table)},
                      {"tablets", tablets}});
  }
  json snapshots = json::array();
  for (const auto& snapshot : view.snapshots.snapshots()) {
    json ids = json::array();
    for (const auto& table : snapshot.tables()) ids.push_back(HexOf(table));
    snapshots.push_back({{"id", HexOf(snapshot.id())}, {"state", StateName(snapshot)}, {"tables", ids}});
  }
  json restorations = json::array();
  for (const auto& one : view.snapshots.restorations()) {
    restorations.push_back({{"id", HexOf(one.id())}, {"state", StateName(one)}, {"snapshot", HexOf(one.snapshot())}});
  }
  json nodes = json::array();
  for (const auto& [id, node] : view.nodes) {
    nodes.push_back({{"id", id.value}, {"address", node.address}, {"up", node.status.has_value()}});
  }
  const json whole = {{"tables", tables}, {"snapshots", snapshots}, {"restorations", restorations}, {"nodes", nodes}};
  // Names are any bytes: what is not UTF-8 is replaced, not an error.
  return whole.dump(2, ' ', false, json::error_handler_t::replace) + "\n";
}

}  // namespace sut
