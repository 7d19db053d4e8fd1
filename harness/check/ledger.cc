#include "harness/check/ledger.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"

namespace holdfast::check {
namespace {

// An index further ahead than this is no index: it must not make the ledger allocate for it.
constexpr uint64_t kIndexJumpMax = 1 << 20;

bool TouchesSnapshot(const LedgerEntry& entry, uint32_t snapshot) {
  return entry.kind >= LedgerEntry::Kind::kCreateSnapshot && entry.snapshot == snapshot;
}

bool SameEntry(const LedgerEntry& a, const LedgerEntry& b) {
  return a.op == b.op && a.hash == b.hash && a.kind == b.kind && a.client == b.client && a.sequence == b.sequence &&
         a.snapshot == b.snapshot && a.restoration == b.restoration && a.adopted == b.adopted;
}

}  // namespace

ApplyLedger::ApplyLedger(OwnsKey owns_key) : owns_key_(std::move(owns_key)), log_("ledger") {}

ApplyLedger::Tablet& ApplyLedger::tablet(uint32_t number) {
  auto [found, inserted] = tablets_.try_emplace(number);
  Tablet& tablet = found->second;
  if (inserted) {
    tablet.slots.resize(1);
    tablet.slots[0].known = true;
    tablet.slots[0].snapshots = tablet.fold.snapshots();
  }
  return tablet;
}

const ApplyLedger::Slot* ApplyLedger::Find(const Tablet& tablet, uint64_t index) const {
  return index < tablet.slots.size() && tablet.slots[index].known ? &tablet.slots[index] : nullptr;
}

uint64_t ApplyLedger::entries(uint32_t tablet) const {
  const auto found = tablets_.find(tablet);
  if (found == tablets_.end()) return 0;
  return static_cast<uint64_t>(std::count_if(found->second.slots.begin() + 1, found->second.slots.end(),
                                             [](const Slot& slot) { return slot.known; }));
}

std::optional<FoldEffect> ApplyLedger::EffectAt(uint32_t tablet, uint64_t index) const {
  const auto found = tablets_.find(tablet);
  if (found == tablets_.end() || index > found->second.folded) return std::nullopt;
  return found->second.slots[index].effect;
}

void ApplyLedger::OnRecovered(const ReplicaName& replica, LogPosition applied) {
  ReplicaState& state = replicas_[{replica.tablet, replica.node}];
  if (state.recovered && replica.incarnation < state.incarnation) {
    log_.Add(ReplicaKey("incarnation", replica), "", "an incarnation begins after a later one",
             {ReplicaText(replica), absl::StrCat("the incarnation before was ", state.incarnation)});
  }
  state = {replica.incarnation, true, applied.index};
  CheckPosition(replica, applied, "recovered");
}

void ApplyLedger::OnInstalled(const ReplicaName& replica, LogPosition applied) {
  ReplicaState& state = replicas_[{replica.tablet, replica.node}];
  if (state.recovered && applied.index < state.position && log_.Wants(ReplicaKey("install", replica))) {
    log_.Add(ReplicaKey("install", replica), "I6", "an older state was installed over a newer one",
             {ReplicaText(replica), absl::StrCat("had applied index ", state.position),
              absl::StrCat("was installed at ", PositionText(applied))});
  }
  state = {replica.incarnation, true, applied.index};
  CheckPosition(replica, applied, "installed");
}

bool ApplyLedger::CheckPosition(const ReplicaName& replica, LogPosition applied, const char* what) {
  const Slot* slot = Find(tablet(replica.tablet), applied.index);
  if (slot == nullptr || applied.index == 0 || slot->entry.op.term == applied.term) return true;
  log_.Add(ReplicaKey("position", replica, applied.index), "I1", "a replica stands at another entry than its group",
           {absl::StrCat(ReplicaText(replica), " ", what, " at ", PositionText(applied)),
            absl::StrCat("expected there: ", EntryText(slot->entry)),
            absl::StrCat("first applied by ", ReplicaText(slot->first))});
  return false;
}

void ApplyLedger::OnApplied(const ReplicaName& replica, const LedgerEntry& entry) {
  ReplicaState& state = replicas_[{replica.tablet, replica.node}];
  const uint64_t index = entry.op.index;
  if (!state.recovered || state.incarnation != replica.incarnation) {
    log_.Add(
        ReplicaKey("unborn", replica), "", "an entry was applied outside of its incarnation",
        {absl::StrCat(ReplicaText(replica), " applied ", EntryText(entry)),
         state.recovered ? absl::StrCat("the incarnation that lives is ", state.incarnation) : "it never recovered"});
  } else if (index != state.position + 1) {
    if (const std::string key = ReplicaKey("gap", replica, replica.incarnation); log_.Wants(key)) {
      log_.Add(key, "I8", index > state.position ? "entries were skipped" : "an entry was applied again",
               {absl::StrCat(ReplicaText(replica), " applied ", EntryText(entry)),
                absl::StrCat("expected index ", state.position + 1, ", found ", index)});
    }
  }
  state = {replica.incarnation, true, index};
  Learn(replica, entry);
}

void ApplyLedger::OnBegun(const ReplicaName& replica, const LedgerEntry& entry) { Learn(replica, entry); }

void ApplyLedger::Learn(const ReplicaName& replica, const LedgerEntry& entry) {
  const uint64_t index = entry.op.index;
  Tablet& group = tablet(replica.tablet);
  if (index == 0 || index > group.slots.size() + kIndexJumpMax) return;  // an index that no log has
  if (const Slot* slot = Find(group, index); slot != nullptr) {
    CompareEntries(replica, *slot, entry);
  } else {
    Record(replica, group, entry);
    FoldOn(replica.tablet, group);
    if (!waiting_.empty()) FoldWaiting();
  }
}

void ApplyLedger::CompareEntries(const ReplicaName& replica, const Slot& slot, const LedgerEntry& entry) {
  ++comparisons_;
  if (SameEntry(slot.entry, entry)) return;
  const std::string key = absl::StrCat("entry/", replica.tablet, "/", replica.node);
  if (!log_.Wants(key)) return;
  log_.Add(key, "I1", absl::StrCat("two entries at index ", entry.op.index, " of ", TabletText(replica.tablet)),
           {absl::StrCat(ReplicaText(slot.first), " applied ", EntryText(slot.entry), ", hash ", slot.entry.hash),
            absl::StrCat(ReplicaText(replica), " applied ", EntryText(entry), ", hash ", entry.hash)});
}

void ApplyLedger::Record(const ReplicaName& replica, Tablet& tablet, const LedgerEntry& entry) {
  const uint64_t index = entry.op.index;
  if (index >= tablet.slots.size()) tablet.slots.resize(index + 1);
  Slot& slot = tablet.slots[index];
  slot.known = true;
  slot.entry = entry;
  slot.first = replica;
  if (const Slot* before = Find(tablet, index - 1); before != nullptr && before->entry.op.term > entry.op.term) {
    log_.Add(absl::StrCat("term/", replica.tablet), "I1", absl::StrCat("terms go back in ", TabletText(replica.tablet)),
             {absl::StrCat(ReplicaText(before->first), " applied ", EntryText(before->entry)),
              absl::StrCat(ReplicaText(replica), " applied ", EntryText(entry))});
  }
  if (entry.kind == LedgerEntry::Kind::kWrite && entry.sequence != 0) {
    tablet.requests[{entry.client, entry.sequence}].push_back(index);
  }
}

void ApplyLedger::FoldOn(uint32_t number, Tablet& tablet) {
  waiting_.erase(number);
  while (Find(tablet, tablet.folded + 1) != nullptr) {
    Slot& slot = tablet.slots[tablet.folded + 1];
    if (slot.entry.kind == LedgerEntry::Kind::kAdoptSnapshot && !FindAdopted(number, &slot)) {
      waiting_.insert(number);
      return;
    }
    ++tablet.folded;
    slot.effect = tablet.fold.Apply(slot.entry, slot.adopted);
    slot.rows = tablet.fold.rows().fingerprint;
    slot.books = tablet.fold.books().fingerprint();
    slot.snapshots = tablet.fold.snapshots();
    if (slot.effect == FoldEffect::kImpossible) TellImpossible(number, tablet, slot);
  }
}

void ApplyLedger::FoldWaiting() {
  // Each round folds something or is the last one.
  for (bool went_on = true; went_on;) {
    went_on = false;
    for (const uint32_t number : std::set<uint32_t>(waiting_)) {
      Tablet& waiting = tablet(number);
      const uint64_t before = waiting.folded;
      FoldOn(number, waiting);
      went_on = went_on || waiting.folded != before;
    }
  }
}

bool ApplyLedger::FindAdopted(uint32_t number, Slot* slot) {
  const AdoptedPart& part = slot->entry.adopted;
  const auto source = tablets_.find(part.tablet);
  if (source == tablets_.end() || source->second.folded < part.op.index) return false;
  const FoldedSnapshots& made = *source->second.slots[part.op.index].snapshots;
  const auto snapshot = made.find(part.snapshot);
  if (snapshot == made.end() || snapshot->second.op != part.op) return true;  // there is none: impossible
  slot->adopted = snapshot->second.content;
  if (!owns_key_) return true;
  const auto own = std::make_shared<FoldedRows>();
  for (const auto& [key, value] : snapshot->second.content->rows) {
    if (!owns_key_(number, key)) continue;
    own->rows.emplace(key, value);
    own->fingerprint.Add(key, value);
  }
  if (own->rows.size() != snapshot->second.content->rows.size()) slot->adopted = own;
  return true;
}

void ApplyLedger::TellImpossible(uint32_t number, const Tablet& tablet, const Slot& slot) {
  std::vector<std::string> evidence = {absl::StrCat(ReplicaText(slot.first), " applied ", EntryText(slot.entry))};
  for (uint64_t index = 1; index < slot.entry.op.index; ++index) {
    const Slot& earlier = tablet.slots[index];
    if (!TouchesSnapshot(earlier.entry, slot.entry.snapshot)) continue;
    evidence.push_back(absl::StrCat("before it: ", EntryText(earlier.entry), ", ", FoldEffectName(earlier.effect)));
  }
  const bool adopts = slot.entry.kind == LedgerEntry::Kind::kAdoptSnapshot;
  log_.Add(absl::StrCat("impossible/", number, "/", slot.entry.snapshot, "/", slot.entry.restoration),
           adopts ? "I7" : "I3",
           absl::StrCat(TabletText(number), " was told to ", adopts ? "adopt as" : "restore", " snapshot ",
                        slot.entry.snapshot, adopts ? " what was never there" : ", which it did not have"),
           std::move(evidence));
}

void ApplyLedger::Acknowledged(uint32_t tablet, LogPosition op, uint32_t client, uint64_t sequence) {
  acknowledged_.push_back({tablet, op, client, sequence});
}

void ApplyLedger::Refused(uint32_t tablet, uint32_t client, uint64_t sequence) {
  refused_.push_back({tablet, client, sequence});
}

void ApplyLedger::JudgeAcknowledged(const AcknowledgedWrite& write) {
  const Tablet& group = tablet(write.tablet);
  const auto indexes = group.requests.find({write.client, write.sequence});
  const auto took_effect = [&] {
    return indexes != group.requests.end() &&
           std::any_of(indexes->second.begin(), indexes->second.end(), [&](uint64_t index) {
             return index > group.folded || group.slots[index].effect == FoldEffect::kApplied;
           });
  };
  const Slot* slot = write.op.index == 0 ? nullptr : Find(group, write.op.index);
  bool right = false;
  if (write.op.index == 0) {
    right = took_effect();
  } else if (slot != nullptr) {
    right = slot->entry.op == write.op;
    if (write.tablet != kMasterObject && write.sequence != 0) {
      right = right && slot->entry.client == write.client && slot->entry.sequence == write.sequence && took_effect();
    }
  } else if (write.op.index < group.slots.size()) {
    Unjudged(absl::StrCat("an acknowledged write of ", TabletText(write.tablet), " at ", PositionText(write.op),
                          ": no replica reported that index"));
    return;
  }
  const std::string key = absl::StrCat("acknowledged/", write.tablet);
  if (right || !log_.Wants(key)) return;
  std::vector<std::string> evidence = {
      absl::StrCat("session ", write.client, " request ", write.sequence, " was told ok at ", PositionText(write.op))};
  if (slot != nullptr) {
    evidence.push_back(absl::StrCat("found there: ", EntryText(slot->entry), ", ", FoldEffectName(slot->effect)));
  } else {
    evidence.push_back(absl::StrCat("found nothing there; the last index known is ", group.slots.size() - 1));
  }
  if (indexes != group.requests.end()) {
    for (const uint64_t index : indexes->second) {
      evidence.push_back(absl::StrCat("the request stands at ", EntryText(group.slots[index].entry), ", ",
                                      FoldEffectName(group.slots[index].effect)));
    }
  }
  log_.Add(key, "I6", absl::StrCat("an acknowledged write is not in the log of ", TabletText(write.tablet)),
           std::move(evidence));
}

void ApplyLedger::JudgeRefused(const RefusedWrite& write) {
  const Tablet& group = tablet(write.tablet);
  const auto indexes = group.requests.find({write.client, write.sequence});
  if (indexes == group.requests.end()) return;
  const auto applied = std::find_if(indexes->second.begin(), indexes->second.end(), [&group](uint64_t index) {
    return index <= group.folded && group.slots[index].effect == FoldEffect::kApplied;
  });
  const std::string key = absl::StrCat("refused/", write.tablet);
  if (applied == indexes->second.end() || !log_.Wants(key)) return;
  log_.Add(key, "I8", absl::StrCat("a write that was told to have failed took effect in ", TabletText(write.tablet)),
           {absl::StrCat("session ", write.client, " request ", write.sequence, " was told that it had no effect"),
            absl::StrCat("it stands at ", EntryText(group.slots[*applied].entry), ", ",
                         FoldEffectName(group.slots[*applied].effect))});
}

void ApplyLedger::Finish() {
  for (const Deferred& deferred : deferred_) Judge(deferred.replica, deferred.digest, Patience::kLast);
  deferred_.clear();
  for (const AcknowledgedWrite& write : acknowledged_) JudgeAcknowledged(write);
  acknowledged_.clear();
  for (const RefusedWrite& write : refused_) JudgeRefused(write);
  refused_.clear();
  for (const auto& [number, group] : tablets_) {
    if (group.folded + 1 >= group.slots.size()) continue;
    Unjudged(absl::StrCat(TabletText(number), " from index ", group.folded + 1,
                          waiting_.contains(number)
                              ? " on: it adopts what no replica of another tablet reported"
                              : " on: no replica reported that entry, so no state after it can be computed"));
  }
}

void ApplyLedger::Unjudged(std::string reason) {
  if (unjudged_.size() < kUnjudgedMax) unjudged_.push_back(std::move(reason));
}

TabletFold ApplyLedger::FoldAt(const Tablet& tablet, uint64_t index) const {
  TabletFold fold;
  for (uint64_t i = 1; i <= index; ++i) fold.Apply(tablet.slots[i].entry, tablet.slots[i].adopted);
  return fold;
}

std::vector<std::string> ApplyLedger::Context(const Tablet& tablet, uint64_t index) const {
  std::vector<std::string> lines;
  for (uint64_t i = index; i > 0 && i <= tablet.folded; --i) {
    const Slot& slot = tablet.slots[i];
    const bool barrier = slot.entry.kind >= LedgerEntry::Kind::kCreateSnapshot;
    if (i != index && !barrier) continue;
    lines.push_back(absl::StrCat(i == index ? "last applied: " : "last snapshot operation before: ",
                                 EntryText(slot.entry), ", ", FoldEffectName(slot.effect)));
    if (barrier) break;
  }
  return lines;
}

}  // namespace holdfast::check
