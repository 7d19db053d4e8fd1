#include "sut/server/web_page.h"

#include <initializer_list>
#include <map>
#include <nlohmann/json.hpp>
#include <utility>
#include <vector>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "sut/server/partition_text.h"

namespace sut {
namespace {

using proto::RestorationInfo;
using proto::SnapshotInfo;
using proto::TableInfo;

// What may stand in a page. Text gets there by being escaped, so that none can be forgotten.
struct Html {
  std::string markup;
};

Html Text(std::string_view text) { return {EscapeHtml(text)}; }
Html Number(int64_t number) { return {absl::StrCat(number)}; }
Html Code(std::string_view text) { return {absl::StrCat("<code>", EscapeHtml(text), "</code>")}; }

enum class Mood { kGood, kBusy, kBad, kOver };

Html Badge(std::string_view text, Mood mood) {
  static constexpr const char* kClasses[] = {"good", "busy", "bad", "over"};
  return {absl::StrCat("<span class=\"badge ", kClasses[static_cast<int>(mood)], "\">", EscapeHtml(text), "</span>")};
}

std::string HexOf(const std::string& bytes) { return absl::BytesToHexString(bytes); }

std::string LeaderAddress(const ClusterView& view, const std::string& tablet) {
  const auto leader = view.Leader(tablet);
  return leader ? view.nodes.at(*leader).address : "";
}

Html State(const TableInfo& table) {
  return Badge(TableInfo::State_Name(table.state()), table.state() == TableInfo::RUNNING ? Mood::kGood : Mood::kBusy);
}

Html State(const SnapshotInfo& snapshot) {
  Mood mood = Mood::kBusy;
  if (snapshot.state() == SnapshotInfo::COMPLETE) mood = Mood::kGood;
  if (snapshot.state() == SnapshotInfo::FAILED) mood = Mood::kBad;
  if (snapshot.state() == SnapshotInfo::DELETED) mood = Mood::kOver;
  return Badge(SnapshotInfo::State_Name(snapshot.state()), mood);
}

Html State(const RestorationInfo& one) {
  return Badge(RestorationInfo::State_Name(one.state()),
               one.state() == RestorationInfo::RESTORED ? Mood::kGood : Mood::kBusy);
}

template <typename Tablets>
Html DoneOf(const Tablets& tablets) {
  int done = 0;
  for (const auto& tablet : tablets) done += tablet.done() ? 1 : 0;
  return {absl::StrCat(done, " of ", tablets.size())};
}

using Rows = std::vector<std::vector<Html>>;

std::string Section(const std::string& title, std::initializer_list<const char*> heads, const Rows& rows) {
  std::string out = absl::StrCat("<section>\n<h2>", title, " <span class=\"count\">", rows.size(), "</span></h2>\n");
  if (rows.empty()) return absl::StrCat(out, "<p class=\"none\">None.</p>\n</section>\n");
  absl::StrAppend(&out, "<table>\n<tr>");
  for (const char* head : heads) absl::StrAppend(&out, "<th>", head, "</th>");
  absl::StrAppend(&out, "</tr>\n");
  for (const auto& row : rows) {
    absl::StrAppend(&out, "<tr>");
    for (const Html& cell : row) absl::StrAppend(&out, "<td>", cell.markup, "</td>");
    absl::StrAppend(&out, "</tr>\n");
  }
  return absl::StrCat(out, "</table>\n</section>\n");
}

// One replica of a tablet: where it is, how far it is, and what is wrong with it.
Html ReplicaCell(const ClusterView& view, const std::string& tablet, NodeId id) {
  const auto node = view.nodes.find(id);
  if (node == view.nodes.end()) return Text(absl::StrCat("node ", id.value, ", unknown"));
  Html out = Text(node->second.address);
  if (!node->second.status) return {absl::StrCat(out.markup, " ", Badge("no answer", Mood::kBad).markup)};
  for (const auto& replica : node->second.status->replicas()) {
    if (replica.tablet() != tablet) continue;
    absl::StrAppend(&out.markup, " <span class=\"note\">applied ", replica.applied().index(), "</span>");
    if (replica.leads()) absl::StrAppend(&out.markup, " ", Badge("leader", Mood::kGood).markup);
    if (replica.out_of_service()) absl::StrAppend(&out.markup, " ", Badge("out of service", Mood::kBad).markup);
    return out;
  }
  return {absl::StrCat(out.markup, " ", Badge("not there yet", Mood::kBusy).markup)};
}

std::string TableSection(const ClusterView& view) {
  Rows rows;
  for (const TableInfo& table : view.tables.tables()) {
    rows.push_back({Text(table.keyspace()), Text(table.name()), State(table), Code(HexOf(table.id())),
                    Number(table.tablets_size())});
  }
  return Section("User Tables", {"Keyspace", "Table", "State", "Table UUID", "Tablets"}, rows);
}

std::string TabletSection(const ClusterView& view) {
  Rows rows;
  for (const TableInfo& table : view.tables.tables()) {
    for (const auto& tablet : table.tablets()) {
      std::vector<std::string> replicas;
      for (const auto& one : tablet.replicas()) {
        const Html cell = ReplicaCell(view, tablet.id(), NodeId{one.node()});
        replicas.push_back(absl::StrCat("<div class=\"line\">", cell.markup, "</div>"));
      }
      const std::string leader = LeaderAddress(view, tablet.id());
      rows.push_back({Text(absl::StrCat(table.keyspace(), ".", table.name())), Code(HexOf(tablet.id())),
                      Code(PartitionRangeText({tablet.hash_begin(), tablet.hash_end()})),
                      leader.empty() ? Badge("none", Mood::kBad) : Text(leader), Html{absl::StrJoin(replicas, "")}});
    }
  }
  return Section("Tablets", {"Table", "Tablet UUID", "Range", "Leader", "Replicas"}, rows);
}

std::string SnapshotSections(const ClusterView& view) {
  std::map<std::string, std::string> names;
  for (const TableInfo& table : view.tables.tables()) {
    names[table.id()] = absl::StrCat(table.keyspace(), ".", table.name());
  }
  Rows snapshots;
  for (const SnapshotInfo& one : view.snapshots.snapshots()) {
    std::vector<std::string> tables;
    for (const std::string& id : one.tables()) {
      const auto name = names.find(id);
      tables.push_back(name == names.end() ? Code(HexOf(id)).markup : Text(name->second).markup);
    }
    snapshots.push_back(
        {Code(HexOf(one.id())), State(one), Html{absl::StrJoin(tables, "<br>")}, DoneOf(one.tablets())});
  }
  Rows restorations;
  for (const RestorationInfo& one : view.snapshots.restorations()) {
    restorations.push_back({Code(HexOf(one.id())), State(one), Code(HexOf(one.snapshot())), DoneOf(one.tablets())});
  }
  return Section("Snapshots", {"Snapshot UUID", "State", "Tables", "Tablets done"}, snapshots) +
         Section("Restorations", {"Restoration UUID", "State", "Snapshot UUID", "Tablets done"}, restorations);
}

std::string NodeSection(const ClusterView& view) {
  const auto master = view.Leader(Bytes(kMasterTablet));
  Rows rows;
  for (const auto& [id, node] : view.nodes) {
    int leads = 0;
    if (node.status) {
      for (const auto& replica : node.status->replicas()) leads += replica.leads() ? 1 : 0;
    }
    Html state = node.status ? Badge("up", Mood::kGood) : Badge("no answer", Mood::kBad);
    if (master == id) absl::StrAppend(&state.markup, " ", Badge("leads the catalogue", Mood::kOver).markup);
    rows.push_back({Number(id.value), Text(node.address), std::move(state),
                    node.status ? Number(node.status->replicas_size()) : Html{}, node.status ? Number(leads) : Html{}});
  }
  return Section("Nodes", {"Node", "Address", "State", "Replicas", "Leads"}, rows);
}

constexpr char kHead[] = R"(<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Tables</title>
<style>
:root { color-scheme: light dark; --line: #8884; --faint: #8881; --dim: #777; }
body { font: 15px/1.5 system-ui, sans-serif; max-width: 88rem; margin: 2rem auto; padding: 0 1.5rem; }
h1 { font-size: 1.6rem; margin: 0 0 .2rem; }
h2 { font-size: 1.15rem; margin: 2rem 0 .6rem; }
section { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; }
th, td { text-align: left; vertical-align: top; padding: .4rem .8rem; border-bottom: 1px solid var(--line); }
th { font-size: .8rem; color: var(--dim); white-space: nowrap; }
tr:hover td { background: var(--faint); }
.line { white-space: nowrap; }
code { font: .9em ui-monospace, monospace; }
.count, .note, .none, .lead { color: var(--dim); font-weight: normal; }
.badge { border-radius: .6em; padding: .05em .55em; font-size: .85em; white-space: nowrap; border: 1px solid; }
.good { color: #17803d; } .busy { color: #b45309; } .bad { color: #dc2626; } .over { color: var(--dim); }
</style>
</head>
<body>
)";

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
  size_t up = 0;
  for (const auto& [id, node] : view.nodes) up += node.status ? 1 : 0;
  return absl::StrCat(kHead, "<h1>Tables</h1>\n<p class=\"lead\">", up, " of ", view.nodes.size(),
                      " nodes answer. The same as data: <a href=\"/tables.json\">tables.json</a></p>\n",
                      TableSection(view), TabletSection(view), SnapshotSections(view), NodeSection(view),
                      "</body>\n</html>\n");
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
                      {"state", TableInfo::State_Name(table.state())},
                      {"tablets", tablets}});
  }
  json snapshots = json::array();
  for (const auto& snapshot : view.snapshots.snapshots()) {
    json ids = json::array();
    for (const auto& table : snapshot.tables()) ids.push_back(HexOf(table));
    snapshots.push_back(
        {{"id", HexOf(snapshot.id())}, {"state", SnapshotInfo::State_Name(snapshot.state())}, {"tables", ids}});
  }
  json restorations = json::array();
  for (const auto& one : view.snapshots.restorations()) {
    restorations.push_back({{"id", HexOf(one.id())},
                            {"state", RestorationInfo::State_Name(one.state())},
                            {"snapshot", HexOf(one.snapshot())}});
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
