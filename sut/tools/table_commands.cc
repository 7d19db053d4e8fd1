// The commands of sut-admin on tables and tablets; see admin_commands.h.

#include <algorithm>
#include <chrono>
#include <optional>
#include <thread>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "sut/server/cluster_view.h"
#include "sut/server/partition_text.h"
#include "sut/server/reply_status.h"
#include "sut/tools/admin_commands.h"

namespace sut {
namespace {

constexpr int64_t kMaintainTimeoutUs = 60'000'000;
constexpr int64_t kStepDownTimeoutUs = 30'000'000;
constexpr int64_t kChangeTimeoutUs = 120'000'000;
constexpr auto kPollInterval = std::chrono::milliseconds(50);
constexpr size_t kRangeWidth = 56;

std::string AddressOf(const ClusterView& view, const std::optional<NodeId>& node) {
  return node ? view.nodes.at(*node).address : "";
}

absl::Status ListTables(RemoteClient& client, const AdminArguments& arguments, std::ostream& out) {
  if (!arguments.empty() && arguments[0] != "include_table_id") {
    return WrongArguments(absl::StrCat("Wrong list option: ", arguments[0]));
  }
  const auto tables = client.ListTables(kAdminTimeoutUs);
  if (!tables.ok()) return tables.status();
  std::vector<std::string> lines;
  for (const auto& table : tables->tables()) {
    std::string line = absl::StrCat(table.keyspace(), ".", table.name());
    if (!arguments.empty()) absl::StrAppend(&line, " ", HexOf(table.id()));
    lines.push_back(std::move(line));
  }
  std::sort(lines.begin(), lines.end());
  for (const std::string& line : lines) out << line << "\n";
  return absl::OkStatus();
}

absl::Status ListTablets(RemoteClient& client, const AdminArguments& arguments, std::ostream& out) {
  int max = 0;
  if (arguments.size() == 3 && (!absl::SimpleAtoi(arguments[2], &max) || max < 0)) {
    return WrongArguments(absl::StrCat("Not a number of tablets: ", arguments[2]));
  }
  const auto table = FindTable(client, arguments[0], arguments[1]);
  if (!table.ok()) return table.status();
  const auto view = client.View(kAdminTimeoutUs);
  if (!view.ok()) return view.status();
  out << Column("Tablet UUID", kIdWidth) << Column("Range", kRangeWidth) << "Leader\n";
  const int shown = max == 0 ? table->tablets_size() : std::min(max, table->tablets_size());
  for (int i = 0; i < shown; ++i) {
    const proto::TabletInfo& tablet = table->tablets(i);
    out << Column(HexOf(tablet.id()), kIdWidth)
        << Column(PartitionRangeText({tablet.hash_begin(), tablet.hash_end()}), kRangeWidth)
        << AddressOf(*view, view->Leader(tablet.id())) << "\n";
  }
  return absl::OkStatus();
}

absl::StatusOr<int64_t> TimeoutOf(const AdminArguments& arguments) {
  return arguments.size() == 3 ? ParseTimeoutUs(arguments[2]) : absl::StatusOr<int64_t>(kMaintainTimeoutUs);
}

absl::Status Flush(RemoteClient& client, const AdminArguments& arguments, std::ostream& out) {
  const auto timeout_us = TimeoutOf(arguments);
  if (!timeout_us.ok()) return timeout_us.status();
  const auto table = FindTable(client, arguments[0], arguments[1]);
  if (!table.ok()) return table.status();
  return FlushTable(client, *table, *timeout_us, out);
}

absl::Status Compact(RemoteClient& client, const AdminArguments& arguments, std::ostream& out) {
  const auto timeout_us = TimeoutOf(arguments);
  if (!timeout_us.ok()) return timeout_us.status();
  const auto table = FindTable(client, arguments[0], arguments[1]);
  if (!table.ok()) return table.status();
  out << "Started compacting table " << table->keyspace() << "." << table->name() << "\nWaiting for compaction..."
      << std::endl;
  const absl::Status compacted = MaintainTable(client, *table, {proto::Maintenance::COMPACT, *timeout_us});
  if (compacted.ok()) out << "Compaction complete: SUCCESS\n";
  return compacted;
}

// Who leads a tablet, and in which term; node 0 if nobody says so.
struct Leadership {
  NodeId node;
  uint64_t term = 0;
};

Leadership LeadershipOf(const ClusterView& view, const std::string& tablet) {
  Leadership found;
  for (const auto& [id, node] : view.nodes) {
    if (!node.status) continue;
    for (const auto& replica : node.status->replicas()) {
      if (replica.tablet() == tablet && replica.leads() && replica.term() > found.term) found = {id, replica.term()};
    }
  }
  return found;
}

absl::StatusOr<NodeId> NodeAt(const ClusterView& view, const std::string& address) {
  for (const auto& [id, node] : view.nodes) {
    if (node.address == address) return id;
  }
  return absl::NotFoundError(absl::StrCat("Could not find node: ", address));
}

absl::Status StepDown(RemoteClient& client, const AdminArguments& arguments, std::ostream& out) {
  const auto tablet = IdFromHex<TabletId>(arguments[0]);
  const auto view = client.View(kAdminTimeoutUs);
  if (!view.ok()) return view.status();
  const Leadership before = tablet.ok() ? LeadershipOf(*view, Bytes(*tablet)) : Leadership{};
  if (before.node.is_none()) return absl::NotFoundError(absl::StrCat("No leader found for tablet: ", arguments[0]));
  proto::Request request;
  request.mutable_maintenance()->set_kind(proto::Maintenance::STEP_DOWN);
  NodeId target;
  if (arguments.size() == 2) {
    const auto node = NodeAt(*view, arguments[1]);
    if (!node.ok()) return node.status();
    target = *node;
    if (target == before.node) return absl::AlreadyExistsError(absl::StrCat("It is the leader: ", arguments[1]));
    request.mutable_maintenance()->set_kind(proto::Maintenance::TRANSFER_LEADER);
    request.mutable_maintenance()->set_target_node(target.value);
  }
  const CallResult asked = client.Call({*tablet, {before.node}}, std::move(request), kStepDownTimeoutUs);
  if (asked.outcome != Outcome::kOk) return ToAbsl(asked);
  const auto give_up = std::chrono::steady_clock::now() + std::chrono::microseconds(kStepDownTimeoutUs);
  while (std::chrono::steady_clock::now() < give_up) {
    const auto now = client.View(kAdminTimeoutUs);
    if (!now.ok()) return now.status();
    const Leadership after = LeadershipOf(*now, Bytes(*tablet));
    if (after.term > before.term && (target.is_none() || after.node == target)) {
      out << "Leader of tablet " << Hex(*tablet) << ": " << AddressOf(*now, after.node) << "\n";
      return absl::OkStatus();
    }
    std::this_thread::sleep_for(kPollInterval);
  }
  return absl::DeadlineExceededError(absl::StrCat("No new leader of tablet ", Hex(*tablet)));
}

struct FoundTablet {
  TableId table;
  proto::TabletInfo tablet;
};

// With the replicas that are on their way into its group and out of it.
absl::StatusOr<FoundTablet> FindTabletOf(RemoteClient& client, TabletId tablet) {
  proto::Request request;
  request.mutable_list_tables()->set_all_replicas(true);
  const CallResult listed = client.Call(client.MasterTarget(), std::move(request), kAdminTimeoutUs);
  if (listed.outcome != Outcome::kOk) return ToAbsl(listed);
  for (const proto::TableInfo& table : listed.reply.tables().tables()) {
    const auto id = IdFromBytes<TableId>(table.id());
    for (const proto::TabletInfo& one : table.tablets()) {
      if (id.ok() && one.id() == Bytes(tablet)) return FoundTablet{*id, one};
    }
  }
  return absl::NotFoundError(absl::StrCat("Could not find tablet: ", Hex(tablet)));
}

bool IsAtRest(const proto::TabletInfo& tablet) {
  return std::all_of(tablet.replicas().begin(), tablet.replicas().end(), [](const proto::ReplicaInfo& replica) {
    return replica.role() == proto::ReplicaInfo::VOTER || replica.role() == proto::ReplicaInfo::REMOVED;
  });
}

// Returns when the group is as asked; what is removed may still have files on a node that is away.
absl::Status ChangeConfig(RemoteClient& client, const AdminArguments& arguments, std::ostream& out) {
  const auto tablet = IdFromHex<TabletId>(arguments[0]);
  if (!tablet.ok()) return WrongArguments(absl::StrCat("Not a tablet id: ", arguments[0]));
  const bool adds = arguments[1] == "ADD_SERVER";
  if (!adds && arguments[1] != "REMOVE_SERVER") {
    return WrongArguments(absl::StrCat("Neither ADD_SERVER nor REMOVE_SERVER: ", arguments[1]));
  }
  const auto view = client.View(kAdminTimeoutUs);
  if (!view.ok()) return view.status();
  const auto node = NodeAt(*view, arguments[2]);
  if (!node.ok()) return node.status();
  auto found = FindTabletOf(client, *tablet);
  if (!found.ok()) return found.status();
  proto::CatalogueCommand command;
  command.mutable_change_replicas()->set_table(Bytes(found->table));
  command.mutable_change_replicas()->set_tablet(Bytes(*tablet));
  adds ? command.mutable_change_replicas()->set_add_node(node->value)
       : command.mutable_change_replicas()->set_remove_node(node->value);
  if (absl::Status asked = client.Change(std::move(command), kAdminTimeoutUs); !asked.ok()) return asked;
  const auto give_up = std::chrono::steady_clock::now() + std::chrono::microseconds(kChangeTimeoutUs);
  while (std::chrono::steady_clock::now() < give_up) {
    found = FindTabletOf(client, *tablet);
    if (!found.ok()) return found.status();
    if (IsAtRest(found->tablet)) {
      out << "Replicas of tablet " << Hex(*tablet) << ":";
      for (const proto::ReplicaInfo& replica : found->tablet.replicas()) {
        const bool votes = replica.role() == proto::ReplicaInfo::VOTER;
        if (votes) out << " " << AddressOf(*view, NodeId{replica.node()});
      }
      out << "\n";
      return absl::OkStatus();
    }
    std::this_thread::sleep_for(kPollInterval);
  }
  return absl::DeadlineExceededError(absl::StrCat("The change of tablet ", Hex(*tablet), " is still under way"));
}

}  // namespace

std::vector<AdminCommand> TableCommands() {
  return {
      {"list_tables", "[include_table_id]", "list tables", 0, 1, ListTables},
      {"list_tablets", "<keyspace> <table> [<max_tablets>]", "list a table's tablets; 0: all", 2, 3, ListTablets},
      {"flush_table", "<keyspace> <table> [<timeout_in_seconds>]", "write a table's rows to table files", 2, 3, Flush},
      {"compact_table", "<keyspace> <table> [<timeout_in_seconds>]", "merge a table's files", 2, 3, Compact},
      {"leader_stepdown", "<tablet_id> [<address>]", "have another replica lead: any, or the one of that node", 1, 2,
       StepDown},
      {"change_config", "<tablet_id> ADD_SERVER|REMOVE_SERVER <address>",
       "add a replica of the tablet on a node, or remove the one there", 3, 3, ChangeConfig},
  };
}

}  // namespace sut
