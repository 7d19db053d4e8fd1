// The commands of sut-admin on snapshots and restorations; see admin_commands.h.

#include <nlohmann/json.hpp>
#include <optional>
#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "sut/server/client_id.h"
#include "sut/tools/admin_commands.h"

namespace sut {
namespace {

// Keys in the order in which they are written, as yb-admin has them.
using Json = nlohmann::ordered_json;
using proto::RestorationInfo;
using proto::SnapshotInfo;

constexpr int64_t kFlushTimeoutUs = 60'000'000;
constexpr size_t kTablesMax = 64;
constexpr int kJsonIndent = 4;

absl::StatusOr<SnapshotId> ParseSnapshotId(const std::string& text) {
  const auto id = IdFromHex<SnapshotId>(text);
  // What is no id at all names no snapshot either.
  if (!id.ok()) return absl::NotFoundError(absl::StrCat("Could not find snapshot: ", text));
  return *id;
}

absl::Status CreateSnapshot(RemoteClient& client, const AdminArguments& arguments, std::ostream& out) {
  AdminArguments names = arguments;
  int64_t flush_timeout_us = kFlushTimeoutUs;
  if (names.size() % 2 == 1) {
    const auto timeout_us = ParseTimeoutUs(names.back());
    if (!timeout_us.ok()) return timeout_us.status();
    flush_timeout_us = *timeout_us;
    names.pop_back();
  }
  std::vector<proto::TableInfo> tables;
  std::set<std::string> ids;
  for (size_t i = 0; i < names.size(); i += 2) {
    auto table = FindTable(client, names[i], names[i + 1]);
    if (!table.ok()) return table.status();
    if (!ids.insert(table->id()).second) {
      return WrongArguments(absl::StrCat("Table ", names[i], ".", names[i + 1], " is named twice"));
    }
    tables.push_back(*std::move(table));
  }
  const SnapshotId id = RandomId<SnapshotId>();
  proto::CatalogueCommand change;
  change.mutable_create_snapshot()->set_id(Bytes(id));
  for (const proto::TableInfo& table : tables) {
    if (absl::Status status = FlushTable(client, table, flush_timeout_us, out); !status.ok()) return status;
    change.mutable_create_snapshot()->add_tables(table.id());
  }
  if (absl::Status status = client.Change(change, kAdminTimeoutUs); !status.ok()) return status;
  out << "Started snapshot creation: " << Hex(id) << "\n";
  return absl::OkStatus();
}

struct ListFlags {
  bool details = false;
  bool not_restored = false;
  bool deleted = false;
  bool json = false;
};

absl::StatusOr<ListFlags> ParseListFlags(const AdminArguments& arguments) {
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
      return WrongArguments(absl::StrCat("Wrong list option: ", argument));
    }
  }
  return flags;
}

// What a list shows. Restorations that are over show in details only: the plain list is of what is there, and who
// looks for the end of one has a command for that.
struct Listing {
  std::vector<SnapshotInfo> snapshots;
  std::vector<RestorationInfo> restorations;
};

Listing Select(const proto::Reply::SnapshotList& list, const ListFlags& flags) {
  Listing out;
  for (const SnapshotInfo& one : list.snapshots()) {
    if (flags.deleted || one.state() != SnapshotInfo::DELETED) out.snapshots.push_back(one);
  }
  for (const RestorationInfo& one : list.restorations()) {
    const bool over = one.state() == RestorationInfo::RESTORED;
    if (!over || ((flags.details || flags.json) && !flags.not_restored)) out.restorations.push_back(one);
  }
  return out;
}

Json ToJson(const RestorationInfo& one) {
  return {{"id", HexOf(one.id())},
          {"snapshot_id", HexOf(one.snapshot())},
          {"state", RestorationInfo::State_Name(one.state())}};
}

// The tables and tablets of a snapshot, as yb-admin's entries. A table that is gone has no names any more.
std::vector<Json> Entries(const SnapshotInfo& snapshot, const proto::Reply::TableList& tables) {
  std::vector<Json> entries;
  for (const std::string& id : snapshot.tables()) {
    Json data = Json::object();
    for (const auto& table : tables.tables()) {
      if (table.id() != id) continue;
      data = {{"name", table.name()},
              {"namespace_name", table.keyspace()},
              {"state", proto::TableInfo::State_Name(table.state())}};
    }
    entries.push_back({{"type", "TABLE"}, {"id", HexOf(id)}, {"data", data}});
  }
  for (const auto& tablet : snapshot.tablets()) {
    entries.push_back({{"type", "TABLET"}, {"id", HexOf(tablet.tablet())}, {"data", {{"done", tablet.done()}}}});
  }
  return entries;
}

// Names are any bytes: what is not UTF-8 is replaced, not an error.
std::string Dump(const Json& json, int indent) {
  return json.dump(indent, ' ', false, nlohmann::json::error_handler_t::replace);
}

void PrintJson(const Listing& listing, const std::optional<proto::Reply::TableList>& details, std::ostream& out) {
  Json whole = {{"snapshots", Json::array()}, {"restorations", Json::array()}};
  for (const SnapshotInfo& one : listing.snapshots) {
    Json snapshot = {{"id", HexOf(one.id())}, {"state", SnapshotInfo::State_Name(one.state())}};
    if (details) snapshot["entries"] = Entries(one, *details);
    whole["snapshots"].push_back(std::move(snapshot));
  }
  for (const RestorationInfo& one : listing.restorations) whole["restorations"].push_back(ToJson(one));
  out << Dump(whole, kJsonIndent) << "\n";
}

void PrintRestorations(const std::vector<RestorationInfo>& restorations, std::ostream& out) {
  out << Column("Restoration UUID", kIdWidth) << "State\n";
  for (const RestorationInfo& one : restorations) {
    out << Column(HexOf(one.id()), kIdWidth) << RestorationInfo::State_Name(one.state()) << "\n";
  }
}

absl::Status ListSnapshots(RemoteClient& client, const AdminArguments& arguments, std::ostream& out) {
  const auto flags = ParseListFlags(arguments);
  if (!flags.ok()) return flags.status();
  const auto list = client.ListSnapshots(kAdminTimeoutUs);
  if (!list.ok()) return list.status();
  std::optional<proto::Reply::TableList> details;
  if (flags->details) {
    auto tables = client.ListTables(kAdminTimeoutUs);
    if (!tables.ok()) return tables.status();
    details = *std::move(tables);
  }
  const Listing listing = Select(*list, *flags);
  if (flags->json) {
    PrintJson(listing, details, out);
    return absl::OkStatus();
  }
  out << (listing.snapshots.empty() ? "No snapshots" : Column("Snapshot UUID", kIdWidth) + "State") << "\n";
  for (const SnapshotInfo& one : listing.snapshots) {
    out << Column(HexOf(one.id()), kIdWidth) << SnapshotInfo::State_Name(one.state()) << "\n";
    if (!details) continue;
    for (const Json& entry : Entries(one, *details)) out << "  " << Dump(entry, -1) << "\n";
  }
  if (!listing.restorations.empty()) PrintRestorations(listing.restorations, out);
  return absl::OkStatus();
}

absl::Status ListRestorations(RemoteClient& client, const AdminArguments& arguments, std::ostream& out) {
  const auto list = client.ListSnapshots(kAdminTimeoutUs);
  if (!list.ok()) return list.status();
  std::vector<RestorationInfo> shown;
  for (const RestorationInfo& one : list->restorations()) {
    if (arguments.empty() || HexOf(one.id()) == arguments[0]) shown.push_back(one);
  }
  if (shown.empty() && !arguments.empty()) {
    return absl::NotFoundError(absl::StrCat("Could not find restoration: ", arguments[0]));
  }
  if (shown.empty()) {
    out << "No snapshot restorations\n";
  } else {
    PrintRestorations(shown, out);
  }
  return absl::OkStatus();
}

absl::Status RestoreSnapshot(RemoteClient& client, const AdminArguments& arguments, std::ostream& out) {
  const auto id = ParseSnapshotId(arguments[0]);
  if (!id.ok()) return id.status();
  proto::CatalogueCommand change;
  change.mutable_restore_snapshot()->set_snapshot(Bytes(*id));
  change.mutable_restore_snapshot()->set_restoration(Bytes(RandomId<RestorationId>()));
  if (absl::Status status = client.Change(change, kAdminTimeoutUs); !status.ok()) return status;
  out << "Started restoring snapshot: " << Hex(*id) << "\n";
  return absl::OkStatus();
}

absl::Status DeleteSnapshot(RemoteClient& client, const AdminArguments& arguments, std::ostream& out) {
  const auto id = ParseSnapshotId(arguments[0]);
  if (!id.ok()) return id.status();
  proto::CatalogueCommand change;
  change.mutable_delete_snapshot()->set_id(Bytes(*id));
  if (absl::Status status = client.Change(change, kAdminTimeoutUs); !status.ok()) return status;
  out << "Deleted snapshot: " << Hex(*id) << "\n";
  return absl::OkStatus();
}

}  // namespace

std::vector<AdminCommand> SnapshotCommands() {
  return {
      {"create_snapshot", "<keyspace> <table> [<keyspace> <table>]... [<flush_timeout_in_seconds>]",
       "start a snapshot; list_snapshots shows its end", 2, 2 * kTablesMax + 1, CreateSnapshot},
      {"list_snapshots", "[SHOW_DETAILS] [NOT_SHOW_RESTORED] [SHOW_DELETED] [JSON]",
       "list snapshots, and the restorations that run", 0, 4, ListSnapshots},
      {"list_snapshot_restorations", "[<restoration_id>]", "list restorations", 0, 1, ListRestorations},
      {"restore_snapshot", "<snapshot_id>", "start a restoration; list_snapshot_restorations shows its end", 1, 1,
       RestoreSnapshot},
      {"delete_snapshot", "<snapshot_id>", "delete a snapshot", 1, 1, DeleteSnapshot},
  };
}

}  // namespace sut
