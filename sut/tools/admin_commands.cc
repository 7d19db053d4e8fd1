#include "sut/tools/admin_commands.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>
#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "sut/server/client_id.h"
#include "sut/server/cluster_view.h"
#include "sut/server/partition_text.h"
#include "sut/server/reply_status.h"
#include "sut/tools/export_commands.h"

namespace sut {
namespace {

using Arguments = std::vector<std::string>;

constexpr int64_t kTimeoutUs = 60'000'000;
constexpr int64_t kFlushTimeoutUs = 10'000'000;
constexpr size_t kIdWidth = 32;
constexpr size_t kRangeWidth = 56;
constexpr size_t kTablesMax = 64;

std::string Column(std::string text, size_t width) {
  if (text.size() < width) text.resize(width, ' ');
  return text + " \t";
}

std::string HexOf(const std::string& bytes) { return absl::BytesToHexString(bytes); }

absl::StatusOr<proto::TableInfo> FindTable(RemoteClient& client, const std::string& keyspace, const std::string& name) {
  auto tables = client.ListTables(kTimeoutUs);
  if (!tables.ok()) return tables.status();
  for (const auto& table : tables->tables()) {
    if (table.keyspace() == keyspace && table.name() == name) return table;
  }
  return absl::NotFoundError(absl::StrCat("Table with name '", name, "' not found in namespace '", keyspace, "'"));
}

// Every replica gets its files ready, so that the snapshot's own flush has little to do. It is that one which counts:
// a replica that can't be reached now does not stand in the way.
void Flush(RemoteClient& client, const proto::TableInfo& table, int64_t timeout_us) {
  for (const auto& tablet : table.tablets()) {
    for (const auto& replica : tablet.replicas()) {
      proto::Request request;
      request.mutable_maintenance()->set_kind(proto::Maintenance::FLUSH);
      const auto id = IdFromBytes<TabletId>(tablet.id());
      if (id.ok()) client.Call({*id, {NodeId{replica.node()}}}, std::move(request), timeout_us);
    }
  }
}

absl::Status CreateSnapshot(RemoteClient& client, const Arguments& arguments, std::ostream& out) {
  Arguments names = arguments;
  int64_t flush_timeout_us = kFlushTimeoutUs;
  if (names.size() % 2 == 1) {
    int64_t seconds = 0;
    if (!absl::SimpleAtoi(names.back(), &seconds) || seconds < 1 || seconds > 3600) {
      return absl::InvalidArgumentError("not a flush time-out in seconds");
    }
    flush_timeout_us = seconds * 1'000'000;
    names.pop_back();
  }
  std::vector<proto::TableInfo> tables;
  for (size_t i = 0; i < names.size(); i += 2) {
    auto table = FindTable(client, names[i], names[i + 1]);
    if (!table.ok()) return table.status();
    tables.push_back(*std::move(table));
  }
  const SnapshotId id = RandomId<SnapshotId>();
  proto::CatalogueCommand change;
  change.mutable_create_snapshot()->set_id(Bytes(id));
  for (const proto::TableInfo& table : tables) {
    out << "Started flushing table " << table.keyspace() << "." << table.name() << "\n";
    out << "Flush request id: " << Hex(RandomId<SnapshotId>()) << "\nWaiting for flushing...\n";
    Flush(client, table, flush_timeout_us);
    out << "Flushing complete: SUCCESS\n";
    change.mutable_create_snapshot()->add_tables(table.id());
  }
  if (absl::Status status = client.Change(change, kTimeoutUs); !status.ok()) return status;
  out << "Started snapshot creation: " << Hex(id) << "\n";
  return absl::OkStatus();
}

struct ListFlags {
  bool details = false;
  bool not_restored = false;
  bool deleted = false;
  bool json = false;
};

absl::StatusOr<ListFlags> ParseListFlags(const Arguments& arguments) {
  ListFlags flags;
  for (const std::string& argument : arguments) {
    if (argument == "SHOW_DETAILS") {
      flags.details = true;
    } else if (argument == "NOT_SHOW_RESTORED") {
      flags.not_restored = true;
    } else if (argument == "SHOW_DELETED") {
      flags.deleted = true;
    } else if (argument == "JSON") {
      flags.json = true;
    } else {
      return absl::InvalidArgumentError(absl::StrCat("Wrong list option: ", argument));
    }
  }
  return flags;
}

// Restorations that are over are listed by a command of their own.
std::vector<proto::RestorationInfo> RunningRestorations(const proto::Reply::SnapshotList& list) {
  std::vector<proto::RestorationInfo> out;
  for (const auto& one : list.restorations()) {
    if (one.state() == proto::RestorationInfo::RESTORING) out.push_back(one);
  }
  return out;
}

nlohmann::json SnapshotsJson(const std::vector<proto::SnapshotInfo>& snapshots,
                             const std::vector<proto::RestorationInfo>& restorations) {
  nlohmann::json out = {{"snapshots", nlohmann::json::array()}, {"restorations", nlohmann::json::array()}};
  for (const auto& one : snapshots) {
    out["snapshots"].push_back({{"id", HexOf(one.id())}, {"state", proto::SnapshotInfo::State_Name(one.state())}});
  }
  for (const auto& one : restorations) {
    out["restorations"].push_back({{"id", HexOf(one.id())},
                                   {"snapshot_id", HexOf(one.snapshot())},
                                   {"state", proto::RestorationInfo::State_Name(one.state())}});
  }
  return out;
}

void PrintRestorations(const std::vector<proto::RestorationInfo>& restorations, std::ostream& out) {
  out << Column("Restoration UUID", kIdWidth) << "State\n";
  for (const auto& one : restorations) {
    out << Column(HexOf(one.id()), kIdWidth) << proto::RestorationInfo::State_Name(one.state()) << "\n";
  }
}

absl::Status ListSnapshots(RemoteClient& client, const Arguments& arguments, std::ostream& out) {
  const auto flags = ParseListFlags(arguments);
  if (!flags.ok()) return flags.status();
  const auto list = client.ListSnapshots(kTimeoutUs);
  if (!list.ok()) return list.status();
  std::vector<proto::SnapshotInfo> shown;
  for (const auto& one : list->snapshots()) {
    if (flags->deleted || one.state() != proto::SnapshotInfo::DELETED) shown.push_back(one);
  }
  const auto restorations = flags->not_restored ? std::vector<proto::RestorationInfo>() : RunningRestorations(*list);
  if (flags->json) {
    out << SnapshotsJson(shown, restorations).dump(2) << "\n";
    return absl::OkStatus();
  }
  if (shown.empty()) {
    out << "No snapshots\n";
  } else {
    out << Column("Snapshot UUID", kIdWidth) << "State\n";
  }
  for (const auto& one : shown) {
    out << Column(HexOf(one.id()), kIdWidth) << proto::SnapshotInfo::State_Name(one.state()) << "\n";
    if (!flags->details) continue;
    for (const auto& table : one.tables()) out << "  table " << HexOf(table) << "\n";
    for (const auto& tablet : one.tablets()) {
      out << "  tablet " << HexOf(tablet.tablet()) << (tablet.done() ? " done" : " waiting") << "\n";
    }
  }
  if (!restorations.empty()) PrintRestorations(restorations, out);
  return absl::OkStatus();
}

absl::Status ListRestorations(RemoteClient& client, const Arguments&, std::ostream& out) {
  const auto list = client.ListSnapshots(kTimeoutUs);
  if (!list.ok()) return list.status();
  if (list->restorations().empty()) {
    out << "No snapshot restorations\n";
  } else {
    PrintRestorations({list->restorations().begin(), list->restorations().end()}, out);
  }
  return absl::OkStatus();
}

absl::Status RestoreSnapshot(RemoteClient& client, const Arguments& arguments, std::ostream& out) {
  const auto id = IdFromHex<SnapshotId>(arguments[0]);
  if (!id.ok()) return absl::NotFoundError(absl::StrCat("Could not find snapshot: ", arguments[0]));
  proto::CatalogueCommand change;
  change.mutable_restore_snapshot()->set_snapshot(Bytes(*id));
  change.mutable_restore_snapshot()->set_restoration(Bytes(RandomId<RestorationId>()));
  if (absl::Status status = client.Change(change, kTimeoutUs); !status.ok()) return status;
  out << "Started restoring snapshot: " << Hex(*id) << "\n";
  return absl::OkStatus();
}

absl::Status DeleteSnapshot(RemoteClient& client, const Arguments& arguments, std::ostream& out) {
  const auto id = IdFromHex<SnapshotId>(arguments[0]);
  if (!id.ok()) return absl::NotFoundError(absl::StrCat("Could not find snapshot: ", arguments[0]));
  proto::CatalogueCommand change;
  change.mutable_delete_snapshot()->set_id(Bytes(*id));
  if (absl::Status status = client.Change(change, kTimeoutUs); !status.ok()) return status;
  out << "Deleted snapshot: " << Hex(*id) << "\n";
  return absl::OkStatus();
}

absl::Status ListTables(RemoteClient& client, const Arguments&, std::ostream& out) {
  const auto tables = client.ListTables(kTimeoutUs);
  if (!tables.ok()) return tables.status();
  std::set<std::string> names;
  for (const auto& table : tables->tables()) names.insert(absl::StrCat(table.keyspace(), ".", table.name()));
  for (const std::string& name : names) out << name << "\n";
  return absl::OkStatus();
}

absl::Status ListTablets(RemoteClient& client, const Arguments& arguments, std::ostream& out) {
  int max = 0;
  if (arguments.size() == 3 && (!absl::SimpleAtoi(arguments[2], &max) || max < 0)) {
    return absl::InvalidArgumentError("not a number of tablets");
  }
  const auto table = FindTable(client, arguments[0], arguments[1]);
  if (!table.ok()) return table.status();
  const auto view = client.View(kTimeoutUs);
  if (!view.ok()) return view.status();
  out << Column("Tablet UUID", kIdWidth) << Column("Range", kRangeWidth) << "Leader\n";
  const int shown = max == 0 ? table->tablets_size() : std::min(max, table->tablets_size());
  for (int i = 0; i < shown; ++i) {
    const proto::TabletInfo& tablet = table->tablets(i);
    const auto leader = view->Leader(tablet.id());
    out << Column(HexOf(tablet.id()), kIdWidth)
        << Column(PartitionRangeText({tablet.hash_begin(), tablet.hash_end()}), kRangeWidth)
        << (leader ? view->nodes.at(*leader).address : "") << "\n";
  }
  return absl::OkStatus();
}

}  // namespace

const std::vector<AdminCommand>& AdminCommands() {
  static const auto& commands = *new std::vector<AdminCommand>{
      {"create_snapshot", "<keyspace> <table> [<keyspace> <table>]... [<flush_timeout_in_seconds>]",
       "start a snapshot; see list_snapshots for its end", 2, 2 * kTablesMax + 1, CreateSnapshot},
      {"list_snapshots", "[SHOW_DETAILS] [NOT_SHOW_RESTORED] [SHOW_DELETED] [JSON]", "list snapshots", 0, 4,
       ListSnapshots},
      {"list_snapshot_restorations", "", "list restorations", 0, 0, ListRestorations},
      {"restore_snapshot", "<snapshot_id>", "start a restoration", 1, 1, RestoreSnapshot},
      {"delete_snapshot", "<snapshot_id>", "delete a snapshot", 1, 1, DeleteSnapshot},
      {"export_snapshot", "<snapshot_id> <file>", "write the snapshot's metadata into a file", 2, 2,
       ExportSnapshotCommand},
      {"import_snapshot", "<file> [<keyspace> <table>]...",
       "make the snapshot known here, under new ids; its tablets' directories are to be placed then", 1,
       2 * kTablesMax + 1, ImportSnapshotCommand},
      {"list_tables", "", "list tables", 0, 0, ListTables},
      {"list_tablets", "<keyspace> <table> [<max_tablets>]", "list a table's tablets; 0: all", 2, 3, ListTablets},
  };
  return commands;
}

std::string CodeName(absl::StatusCode code) {
  switch (code) {
    case absl::StatusCode::kNotFound:
      return "Not found";
    case absl::StatusCode::kAlreadyExists:
      return "Already present";
    case absl::StatusCode::kInvalidArgument:
      return "Invalid argument";
    case absl::StatusCode::kFailedPrecondition:
      return "Illegal state";
    case absl::StatusCode::kDeadlineExceeded:
      return "Timed out";
    case absl::StatusCode::kDataLoss:
      return "Corruption";
    case absl::StatusCode::kUnimplemented:
      return "Not supported";
    case absl::StatusCode::kUnavailable:
      return "Service unavailable";
    default:
      return "Runtime error";
  }
}

}  // namespace sut
