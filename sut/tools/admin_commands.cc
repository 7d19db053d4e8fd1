#include "sut/tools/admin_commands.h"

#include <algorithm>
#include <chrono>
#include <map>
#include <set>
#include <thread>
#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "sut/server/client_id.h"
#include "sut/server/reply_status.h"

namespace sut {
namespace {

constexpr int64_t kStatusTimeoutUs = 2'000'000;
constexpr int64_t kTimeoutSecondsMax = 3600;
constexpr auto kPollInterval = std::chrono::milliseconds(20);
// Marks a status that WrongArguments made; what the cluster finds invalid has no need of the usage.
constexpr char kWrongArguments[] = "sut-admin/wrong-arguments";

// The nodes that were told, by tablet.
using Asked = std::map<std::string, std::set<NodeId>>;

absl::StatusOr<Asked> AskForMaintenance(RemoteClient& client, const proto::TableInfo& table,
                                        const MaintainOptions& options) {
  std::set<NodeId> up;
  for (const auto& [node, address] : client.addresses()) {
    if (client.GetStatus(node, kStatusTimeoutUs).ok()) up.insert(node);
  }
  Asked asked;
  for (const auto& tablet : table.tablets()) {
    const auto id = IdFromBytes<TabletId>(tablet.id());
    if (!id.ok()) return id.status();
    for (const auto& replica : tablet.replicas()) {
      const NodeId node{replica.node()};
      if (!up.contains(node)) continue;
      proto::Request request;
      request.mutable_maintenance()->set_kind(options.kind);
      const CallResult result = client.Call({*id, {node}}, std::move(request), options.timeout_us);
      if (result.outcome == Outcome::kOk) asked[tablet.id()].insert(node);
    }
    if (2 * static_cast<int>(asked[tablet.id()].size()) <= tablet.replicas_size()) {
      return absl::UnavailableError(absl::StrCat("No majority of tablet ", Hex(*id), " can be reached"));
    }
  }
  return asked;
}

// The work of `asked` that is still under way, counted. A node that does not answer any more counts.
int CountAtWork(RemoteClient& client, const Asked& asked) {
  std::map<NodeId, absl::StatusOr<proto::NodeStatus>> statuses;
  for (const auto& [node, address] : client.addresses()) {
    statuses.emplace(node, client.GetStatus(node, kStatusTimeoutUs));
  }
  int at_work = 0;
  for (const auto& [tablet, nodes] : asked) {
    for (const NodeId node : nodes) {
      const auto& status = statuses.at(node);
      const auto is_done = [&tablet = tablet](const auto& one) { return one.tablet() == tablet && !one.maintaining(); };
      const bool done = status.ok() && std::any_of(status->replicas().begin(), status->replicas().end(), is_done);
      at_work += done ? 0 : 1;
    }
  }
  return at_work;
}

}  // namespace

const std::vector<AdminCommand>& AdminCommands() {
  static const auto& commands = *[] {
    auto all = std::make_unique<std::vector<AdminCommand>>();
    for (auto& group : {SnapshotCommands(), TableCommands()}) all->insert(all->end(), group.begin(), group.end());
    return all.release();
  }();
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
    case absl::StatusCode::kUnavailable:
      return "Service unavailable";
    case absl::StatusCode::kDataLoss:
      return "Corruption";
    default:
      return "Runtime error";
  }
}

absl::Status WrongArguments(const std::string& what) {
  absl::Status status = absl::InvalidArgumentError(what);
  status.SetPayload(kWrongArguments, absl::Cord());
  return status;
}

bool IsWrongArguments(const absl::Status& status) { return status.GetPayload(kWrongArguments).has_value(); }

std::string Column(std::string text, size_t width) {
  if (text.size() < width) text.resize(width, ' ');
  return text + " \t";
}

std::string HexOf(const std::string& bytes) { return absl::BytesToHexString(bytes); }

absl::StatusOr<proto::TableInfo> FindTable(RemoteClient& client, const std::string& keyspace, const std::string& name) {
  auto tables = client.ListTables(kAdminTimeoutUs);
  if (!tables.ok()) return tables.status();
  for (const auto& table : tables->tables()) {
    if (table.keyspace() == keyspace && table.name() == name) return table;
  }
  return absl::NotFoundError(absl::StrCat("Table with name '", name, "' not found in namespace '", keyspace, "'"));
}

absl::Status MaintainTable(RemoteClient& client, const proto::TableInfo& table, const MaintainOptions& options) {
  const auto give_up = std::chrono::steady_clock::now() + std::chrono::microseconds(options.timeout_us);
  const auto asked = AskForMaintenance(client, table, options);
  if (!asked.ok()) return asked.status();
  while (CountAtWork(client, *asked) > 0) {
    if (std::chrono::steady_clock::now() >= give_up) {
      return absl::DeadlineExceededError(absl::StrCat("Table ", table.keyspace(), ".", table.name(),
                                                      " is not done within ", options.timeout_us / 1'000'000, " s"));
    }
    std::this_thread::sleep_for(kPollInterval);
  }
  return absl::OkStatus();
}

absl::Status FlushTable(RemoteClient& client, const proto::TableInfo& table, int64_t timeout_us, std::ostream& out) {
  out << "Started flushing table " << table.keyspace() << "." << table.name() << "\n";
  out << "Flush request id: " << Hex(RandomId<SnapshotId>()) << "\nWaiting for flushing..." << std::endl;
  const absl::Status flushed = MaintainTable(client, table, {proto::Maintenance::FLUSH, timeout_us});
  if (flushed.ok()) out << "Flushing complete: SUCCESS" << std::endl;
  return flushed;
}

absl::StatusOr<int64_t> ParseTimeoutUs(const std::string& text) {
  int64_t seconds = 0;
  if (!absl::SimpleAtoi(text, &seconds) || seconds < 1 || seconds > kTimeoutSecondsMax) {
    return WrongArguments(absl::StrCat("Not a time-out from 1 to ", kTimeoutSecondsMax, " seconds: ", text));
  }
  return seconds * 1'000'000;
}

}  // namespace sut
