#include "harness/check/evidence.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "harness/history/history.h"

namespace holdfast::check {
namespace {

using history::Quote;

const char* EntryKindName(LedgerEntry::Kind kind) {
  switch (kind) {
    case LedgerEntry::Kind::kNothing:
      return "nothing";
    case LedgerEntry::Kind::kWrite:
      return "write";
    case LedgerEntry::Kind::kFence:
      return "fence";
    case LedgerEntry::Kind::kClose:
      return "close";
    case LedgerEntry::Kind::kCreateSnapshot:
      return "create snapshot";
    case LedgerEntry::Kind::kAdoptSnapshot:
      return "adopt snapshot";
    case LedgerEntry::Kind::kRestore:
      return "restore snapshot";
    case LedgerEntry::Kind::kDropSnapshot:
      return "drop snapshot";
    case LedgerEntry::Kind::kAbortCreate:
      return "abort create of snapshot";
  }
  return "";
}

std::string MutationText(const LedgerMutation& mutation) {
  switch (mutation.kind) {
    case LedgerMutation::Kind::kPut:
      return absl::StrCat("put ", Quote(mutation.key), " = ", Quote(mutation.value));
    case LedgerMutation::Kind::kDelete:
      return absl::StrCat("delete ", Quote(mutation.key));
    case LedgerMutation::Kind::kIncrement:
      return absl::StrCat("increment ", Quote(mutation.key), " by ", mutation.delta);
  }
  return "";
}

}  // namespace

void ViolationLog::Add(const std::string& key, std::string invariant, std::string summary,
                       std::vector<std::string> evidence) {
  if (!Wants(key)) return;
  keys_.insert(key);
  violations_.push_back({checker_, std::move(invariant), std::move(summary), std::move(evidence)});
}

std::string TabletText(uint32_t tablet) {
  return tablet == kMasterObject ? "the master's group" : absl::StrCat("tablet ", tablet);
}

std::string ReplicaText(const ReplicaName& replica) {
  return absl::StrCat(TabletText(replica.tablet), " on node ", replica.node, ", incarnation ", replica.incarnation);
}

std::string StateText(const ReplicaInspection& replica) {
  return absl::StrCat(ReplicaText(replica.replica), replica.running ? ", running" : ", down",
                      replica.in_barrier ? ", in a barrier" : "", ", applied ", PositionText(replica.applied));
}

std::string ReplicaKey(const char* fault, const ReplicaName& replica, uint64_t number) {
  return absl::StrCat(fault, "/", replica.tablet, "/", replica.node, "/", number);
}

std::string PositionText(const LogPosition& position) { return absl::StrCat(position.term, ".", position.index); }

std::string EntryText(const LedgerEntry& entry) {
  constexpr size_t kMutationsShown = 4;
  std::string out = absl::StrCat(PositionText(entry.op), " ", EntryKindName(entry.kind));
  if (entry.snapshot != 0 || entry.kind >= LedgerEntry::Kind::kCreateSnapshot)
    absl::StrAppend(&out, " ", entry.snapshot);
  if (entry.kind == LedgerEntry::Kind::kRestore) absl::StrAppend(&out, " as restoration ", entry.restoration);
  if (entry.kind == LedgerEntry::Kind::kAdoptSnapshot) {
    absl::StrAppend(&out, " from snapshot ", entry.adopted.snapshot, " of ", TabletText(entry.adopted.tablet), " at ",
                    PositionText(entry.adopted.op));
  }
  if (entry.client != 0) absl::StrAppend(&out, " of session ", entry.client);
  if (entry.sequence != 0) absl::StrAppend(&out, " request ", entry.sequence);
  for (size_t i = 0; i < entry.mutations.size() && i < kMutationsShown; ++i) {
    absl::StrAppend(&out, i == 0 ? ": " : ", ", MutationText(entry.mutations[i]));
  }
  if (entry.mutations.size() > kMutationsShown) {
    absl::StrAppend(&out, " and ", entry.mutations.size() - kMutationsShown, " more");
  }
  return out;
}

std::vector<std::string> RowDifference(const Rows& expected, const Rows& found, size_t lines_max) {
  std::vector<std::string> lines;
  size_t differences = 0;
  const auto note = [&](const std::string& key, const std::string* wanted, const std::string* seen) {
    if (++differences > lines_max) return;
    lines.push_back(absl::StrCat("key ", Quote(key), ": expected ", wanted != nullptr ? Quote(*wanted) : "nothing",
                                 ", found ", seen != nullptr ? Quote(*seen) : "nothing"));
  };
  auto wanted = expected.begin();
  auto seen = found.begin();
  while (wanted != expected.end() || seen != found.end()) {
    if (seen == found.end() || (wanted != expected.end() && wanted->first < seen->first)) {
      note(wanted->first, &wanted->second, nullptr);
      ++wanted;
    } else if (wanted == expected.end() || seen->first < wanted->first) {
      note(seen->first, nullptr, &seen->second);
      ++seen;
    } else {
      if (wanted->second != seen->second) note(wanted->first, &wanted->second, &seen->second);
      ++wanted;
      ++seen;
    }
  }
  if (differences > lines_max) lines.push_back(absl::StrCat("and ", differences - lines_max, " more keys"));
  return lines;
}

}  // namespace holdfast::check
