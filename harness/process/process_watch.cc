// What the cluster of processes watches over: ledgers, ends of nodes, quiet, inspections.

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "faults/chaos_file_system.h"
#include "harness/cluster/ledger_entry.h"
#include "harness/process/process_cluster.h"
#include "sut/base/prng.h"

namespace holdfast::process {
namespace {

// Somebody wants to know whether all is quiet if he has asked so lately; then what is in memory alone is flushed.
constexpr int64_t kQuietWantedUs = 500'000;
constexpr int64_t kFlushAskedEveryUs = 100'000;
constexpr size_t kLogLinesMax = 20;
// sut::Server::kFatalExit: the node found that it can't go on.
constexpr int kFatalExit = 3;

sut::OpId OpOf(uint64_t term, uint64_t index) { return {sut::Term{term}, sut::Index{index}}; }

}  // namespace

void ProcessCluster::Observe() {
  for (uint32_t node = 1; node <= node_count(); ++node) {
    if (!IsUp(node)) continue;
    ReadLedger(node);
    LookAtDisk(node);
    if (const auto& end = NodeAt(node).process->Poll()) Bury(node, NodeProcess::End(*end), "");
  }
  AskForFlushes();
}

void ProcessCluster::ReadLedger(uint32_t node) {
  const absl::Status read = NodeAt(node).ledger->ReadNew([&](const LedgerRecord& record) { Take(node, record); });
  if (!read.ok()) TellHarnessFailed(absl::StrCat("the apply ledger of node ", node, " can't be read"), read);
}

void ProcessCluster::TellHarnessFailed(const std::string& what, const absl::Status& why) {
  observer_->OnViolation(
      {.checker = "harness", .invariant = "", .summary = what, .evidence = {std::string(why.message())}});
}

void ProcessCluster::LookAtDisk(uint32_t node) {
  NodeAt(node).disk->Look();
  if (IsDamaged(node)) status_.LeaveOut(node);
}

check::ReplicaName ProcessCluster::NameOf(uint32_t node, const std::string& tablet) const {
  check::ReplicaName name;
  const auto id = sut::IdFromBytes<sut::TabletId>(tablet);
  name.tablet = id.ok() ? ids_.ObjectNumber(*id).value_or(kUnknownNumber - 1) : kUnknownNumber - 1;
  name.node = node;
  name.incarnation = NodeAt(node).incarnation;
  return name;
}

void ProcessCluster::Take(uint32_t node, const LedgerRecord& record) {
  switch (record.what_case()) {
    case LedgerRecord::kServing:
      NodeAt(node).serving = true;
      return network_->SetNode(node, static_cast<uint16_t>(record.serving().port()));
    case LedgerRecord::kRecovered:
      return observer_->OnRecovered(NameOf(node, record.recovered().tablet()),
                                    ToLogPosition(OpOf(record.recovered().term(), record.recovered().index())));
    case LedgerRecord::kBegun:
      return TakeEntry(node, record.begun(), true);
    case LedgerRecord::kApplied:
      return TakeEntry(node, record.applied(), false);
    case LedgerRecord::kInstalled:
      return observer_->OnInstalled(NameOf(node, record.installed().tablet()),
                                    ToLogPosition(OpOf(record.installed().term(), record.installed().index())));
    case LedgerRecord::kProbe: {
      const uint32_t probe = record.probe().probe();
      if (probe >= sut::kProbeCount) return;
      ++probe_hits_[probe];
      const auto tablet = sut::IdFromBytes<sut::TabletId>(record.probe().tablet());
      observer_->OnProbe(node, static_cast<sut::Probe>(probe), tablet.ok() ? ids_.ObjectNumber(*tablet) : std::nullopt);
      return;
    }
    default:
      return;
  }
}

void ProcessCluster::TakeEntry(uint32_t node, const LedgerRecord::Entry& entry, bool begun) {
  sut::ApplyObserver::Applied applied;
  if (const auto tablet = sut::IdFromBytes<sut::TabletId>(entry.tablet()); tablet.ok()) applied.tablet = *tablet;
  applied.op = OpOf(entry.term(), entry.index());
  applied.entry_hash = entry.hash();
  applied.data = &entry.data();
  applied.is_command = entry.is_command();
  const check::ReplicaName name = NameOf(node, entry.tablet());
  const check::LedgerEntry decoded = LedgerEntryOf(applied, ids_);
  if (begun) return observer_->OnBegun(name, decoded);
  observer_->OnApplied(name, decoded);
}

// --- Ends ------------------------------------------------------------------------------------------------------------

void ProcessCluster::Bury(uint32_t node, const NodeProcess::End& end, const std::string& why) {
  // All that it wrote is there now.
  ReadLedger(node);
  LookAtDisk(node);
  Node& one = NodeAt(node);
  const bool was_serving = std::exchange(one.serving, false);
  one.process.reset();
  one.paused = false;
  one.ledger.reset();
  watch_->End(node);
  network_->SetNode(node, 0);
  if (std::optional<ArmedTrap> trap = TakeStruckTrap(node)) {
    observer_->OnNodeDown(node, absl::StrCat("at probe ", std::string(sut::ProbeName(trap->crash.probe))));
    if (trap->crash.kind == fault::Crash::POWER_LOSS) LosePower(node, trap->crash.salt);
    if (trap->struck) loop_.Post([callback = std::move(trap->struck), node] { callback(node); });
    return;
  }
  observer_->OnNodeDown(node, why.empty() ? end.Text() : why);
  if (why.empty()) TellUnasked(node, end, was_serving);
}

void ProcessCluster::LosePower(uint32_t node, uint64_t salt) {
  const absl::Status lost = faults::ApplyPowerLoss(DataDir(node), sut::Mix({plan_.seed(), node, salt}));
  if (!lost.ok()) TellHarnessFailed(absl::StrCat("a loss of power can't be played on the disk of node ", node), lost);
}

std::optional<ProcessCluster::ArmedTrap> ProcessCluster::TakeStruckTrap(uint32_t node) {
  for (auto armed = armed_.begin(); armed != armed_.end(); ++armed) {
    if (control_->Struck(armed->second.trap) != node) continue;
    ArmedTrap struck = std::move(armed->second);
    armed_.erase(armed);
    control_->Disarm(struck.trap);
    return struck;
  }
  return std::nullopt;
}

void ProcessCluster::TellUnasked(uint32_t node, const NodeProcess::End& end, bool was_serving) {
  const bool stopped_itself = end.signal == 0 && (end.exit_code == kFatalExit || !was_serving);
  if (stopped_itself && (NodeAt(node).disk->errors_in_life() > 0 || IsDamaged(node))) {
    return observer_->OnDiskStop(node, absl::StrCat(was_serving ? "" : "can't start: ", LastLogLine(node)));
  }
  broken_ = true;
  check::Violation violation{.checker = "node", .invariant = "", .summary = "", .evidence = {}};
  const std::string name = absl::StrCat("node ", node, " (incarnation ", NodeAt(node).incarnation, ")");
  if (end.signal == 0 && end.exit_code == kFatalExit) {
    violation.summary = absl::StrCat(name, " stopped itself, and its disk had no fault");
  } else if (end.signal == 0 && !was_serving) {
    violation.invariant = "I6";
    violation.summary = absl::StrCat(name, " can't start from its own disk");
  } else {
    violation.summary = absl::StrCat(name, " was not asked to end: it was ", end.Text());
  }
  violation.evidence = absl::StrSplit(LogTail(node), '\n', absl::SkipEmpty());
  observer_->OnViolation(violation);
}

std::string ProcessCluster::LastLogLine(uint32_t node) const {
  const std::vector<std::string> lines = absl::StrSplit(LogTail(node), '\n', absl::SkipEmpty());
  return lines.empty() ? "without a word" : lines.back();
}

std::string ProcessCluster::LogTail(uint32_t node) const {
  std::ifstream log(PathOf(node, "log"));
  std::vector<std::string> lines;
  for (std::string line; std::getline(log, line);) {
    if (lines.size() == kLogLinesMax) lines.erase(lines.begin());
    lines.push_back(std::move(line));
  }
  std::string text;
  for (const std::string& line : lines) absl::StrAppend(&text, line, "\n");
  return text;
}

// --- Quiet -----------------------------------------------------------------------------------------------------------

bool ProcessCluster::IsQuiet() const {
  quiet_asked_us_ = loop_.NowUs();
  for (uint32_t node = 1; node <= node_count(); ++node) {
    if (!IsDamaged(node) && (!IsUp(node) || !status_.Knows(node))) return false;
  }
  return status_.IsQuiet(nullptr) && status_.NotFlushed().empty();
}

std::vector<std::string> ProcessCluster::WhyNotQuiet() const {
  std::vector<std::string> reasons;
  for (uint32_t node = 1; node <= node_count(); ++node) {
    if (IsDamaged(node)) continue;
    if (!IsUp(node)) {
      reasons.push_back(absl::StrCat("node ", node, " is down"));
    } else if (!status_.Knows(node)) {
      reasons.push_back(absl::StrCat("node ", node, " does not answer"));
    }
  }
  status_.IsQuiet(&reasons);
  for (const ClusterStatus::Unflushed& behind : status_.NotFlushed()) {
    reasons.push_back(absl::StrCat("node ", behind.node, " has not flushed"));
  }
  return reasons;
}

void ProcessCluster::AskForFlushes() {
  const int64_t now_us = loop_.NowUs();
  if (now_us - quiet_asked_us_ > kQuietWantedUs || now_us - flushes_asked_us_ < kFlushAskedEveryUs) return;
  if (!status_.IsQuiet(nullptr)) return;
  flushes_asked_us_ = now_us;
  sut::proto::Maintenance flush;
  flush.set_kind(sut::proto::Maintenance::FLUSH);
  for (const ClusterStatus::Unflushed& behind : status_.NotFlushed()) Maintain(behind.node, behind.object, flush);
}

// --- Inspections -----------------------------------------------------------------------------------------------------

std::optional<ClusterStatus> ProcessCluster::AskAll() {
  ClusterStatus all(plan_, ids_);
  for (uint32_t node = 1; node <= node_count(); ++node) {
    const Node& one = NodeAt(node);
    if (IsDamaged(node)) {
      all.LeaveOut(node);
      continue;
    }
    if (!IsUp(node) || !one.serving || one.paused) return std::nullopt;
    auto status = watch_->AskNow(node);
    if (!status) return std::nullopt;
    all.Set(node, *std::move(status));
  }
  return all;
}

ClusterStatus ProcessCluster::AskWhoAnswers() const {
  ClusterStatus all = status_;
  for (uint32_t node = 1; node <= node_count(); ++node) {
    if (!IsUp(node) || !NodeAt(node).serving || NodeAt(node).paused) continue;
    if (auto status = watch_->AskNow(node)) all.Set(node, *std::move(status));
  }
  return all;
}

std::optional<int64_t> ProcessCluster::AskClockUs(uint32_t node) {
  const auto status = watch_->AskNow(node);
  return status ? std::optional(status->clock_us()) : std::nullopt;
}

absl::Status ProcessCluster::CaptureAll(const std::string& directory) {
  for (Node& node : nodes_) {
    if (node.process != nullptr) node.process->Stop();
  }
  absl::Status status;
  for (uint32_t node = 1; node <= node_count() && status.ok(); ++node) {
    const std::string name = absl::StrCat("/node-", node);
    status = CaptureTree({DataDir(node) + name, directory + name});
  }
  for (Node& node : nodes_) {
    if (node.process != nullptr && !node.paused) node.process->Continue();
  }
  return status;
}

check::Inspection ProcessCluster::Inspect() {
  Observe();
  const std::optional<ClusterStatus> before = AskAll();
  std::vector<NodeLife> lives;
  for (uint32_t node = 1; node <= node_count(); ++node) lives.push_back({node, NodeAt(node).incarnation});
  const std::string directory = absl::StrCat(directory_->path(), "/capture-", ++captures_);
  const absl::Status captured = CaptureAll(directory);
  const std::optional<ClusterStatus> after = before ? AskAll() : std::nullopt;
  check::Inspection inspection;
  inspection.quiet = before && after && before->IsQuiet(nullptr) && before->NotFlushed().empty() &&
                     after->IsQuiet(nullptr) && before->SamePositions(*after);
  if (!captured.ok()) {
    TellHarnessFailed("a node's disk can't be looked at", captured);
    return inspection;
  }
  // The ledgers know what the disks may hold; ends are taken in later, outside of this call.
  for (uint32_t node = 1; node <= node_count(); ++node) {
    if (IsUp(node)) ReadLedger(node);
  }
  for (const NodeLife& life : lives) {
    NodeInspection node = InspectStoppedNode(sut::NodeLayout(directory, sut::NodeId{life.node}), life, ids_, &disk_);
    for (check::ReplicaInspection& replica : node.replicas) replica.damaged = IsDamaged(life.node);
    for (check::LeftOver& left : node.left_overs) left.damaged = IsDamaged(life.node);
    std::move(node.replicas.begin(), node.replicas.end(), std::back_inserter(inspection.replicas));
    std::move(node.left_overs.begin(), node.left_overs.end(), std::back_inserter(inspection.left_overs));
  }
  std::error_code error;
  std::filesystem::remove_all(directory, error);
  return inspection;
}

std::vector<std::string> ProcessCluster::NotWatched() const {
  return {
      "Raft's invariants after every event: a running process is seen from outside",
      "rows in the memory of a running node: its disk is judged, as its death at that moment would leave it; a quiet "
      "cluster is flushed first",
  };
}

}  // namespace holdfast::process
