// The epilogue: restore equivalence, put to the test. Every complete snapshot is restored, twice, in two orders, with
// new writes, compactions and a power loss of all nodes in between; every tablet is read each time and every replica
// looked at. Some snapshots are dropped in the end, and must leave nothing.

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "harness/run/runner.h"
#include "sut/base/prng.h"

namespace holdfast::run {
namespace {

constexpr int64_t kPollUs = 50'000;

}  // namespace

bool Runner::List(int64_t deadline_us) {
  plan::SnapshotOperation list;
  list.mutable_list();
  ExecuteSnapshot(list, EpilogueOrigin(), deadline_us, 0);
  return WaitForOperations(deadline_us);
}

std::vector<uint32_t> Runner::CompleteSnapshots() const {
  std::vector<uint32_t> complete;
  for (const auto& listed : recorder_.snapshots()) {
    if (listed.state == check::CatalogueState::kComplete) complete.push_back(listed.number);
  }
  std::sort(complete.begin(), complete.end());
  return complete;
}

void Runner::Epilogue() {
  AskOfDroppedTables();
  if (!stopped()) FinishImports();
  if (stopped()) return;
  std::vector<uint32_t> snapshots = CompleteSnapshots();
  std::erase_if(snapshots, [this, damaged = AnyDiskDamaged()](uint32_t snapshot) {
    // A damaged disk may not show that it holds an import.
    return CoversDroppedTable(snapshot) || !IsInPlace(snapshot) || (damaged && imports_.contains(snapshot));
  });
  RestoreAll(snapshots, 0);
  if (stopped()) return;
  timeline_.Add(cluster_->NowUs(), "epilogue: all nodes lose power at once");
  for (uint32_t node = 1; node <= plan_.shape().nodes(); ++node) {
    Crash(node, fault::Crash::POWER_LOSS, sut::Mix({plan_.seed(), 0x65706973, node}), 0);
  }
  RestartAll("epilogue");
  const int64_t deadline_us = cluster_->NowUs() + heal_bound_us_;
  if (!stopped() && !WaitForQuiet(deadline_us) && !stopped()) JudgeLiveness();
  if (stopped()) return;
  Inspect("after a power loss of all nodes");
  if (stopped()) return;
  std::reverse(snapshots.begin(), snapshots.end());
  RestoreAll(snapshots, 1);
  if (!stopped()) DropSome();
}

void Runner::RestoreAll(const std::vector<uint32_t>& snapshots, int pass) {
  for (const uint32_t snapshot : snapshots) {
    const int64_t deadline_us = cluster_->NowUs() + heal_bound_us_;
    const std::vector<uint32_t>& tables = recorder_.TablesOf(snapshot);
    WriteSome(tables, sut::Mix({plan_.seed(), snapshot, static_cast<uint64_t>(pass)}), deadline_us);
    if (stopped()) return;
    if (!RestoreOne(snapshot, deadline_us)) {
      if (!stopped()) JudgeLiveness();
      return;
    }
    ScanTables(tables, deadline_us);
    if (stopped()) return;
  }
  const int64_t deadline_us = cluster_->NowUs() + heal_bound_us_;
  if (!WaitForQuiet(deadline_us)) {
    if (!stopped()) JudgeLiveness();
    return;
  }
  Inspect(absl::StrCat("epilogue, after pass ", pass + 1));
}

bool Runner::RestoreOne(uint32_t snapshot, int64_t deadline_us) {
  const uint32_t restoration = NewRestoration();
  plan::SnapshotOperation restore;
  restore.mutable_restore()->set_snapshot(snapshot);
  restore.mutable_restore()->set_restoration(restoration);
  ExecuteSnapshot(restore, EpilogueOrigin(), deadline_us, 0);
  if (!WaitForOperations(deadline_us)) return false;
  if (const std::string refusal = recorder_.RefusalOf(restoration); !refusal.empty()) {
    Violate({"liveness",
             "I5",
             absl::StrCat("a restore of snapshot ", snapshot, " is refused, and nothing is the matter"),
             {refusal}});
    return false;
  }
  while (!stopped() && List(deadline_us)) {
    for (const auto& listed : recorder_.restorations()) {
      if (listed.number != restoration || listed.state != check::CatalogueState::kRestored) continue;
      result_.mutable_counters()->set_restores_epilogue(result_.counters().restores_epilogue() + 1);
      return true;
    }
    if (cluster_->NowUs() >= deadline_us) return false;
    PassUntil(cluster_->NowUs() + kPollUs, nullptr);
  }
  return false;
}

void Runner::ScanTables(const std::vector<uint32_t>& tables, int64_t deadline_us) {
  for (const uint32_t table : tables) {
    for (uint32_t tablet = 0; tablet < ids_.tablets_per_table(); ++tablet) {
      plan::Step step;
      step.mutable_client()->set_client(epilogue_session());
      step.mutable_client()->set_table(table);
      step.mutable_client()->mutable_scan()->set_tablet(tablet);
      ExecuteClient(step, 0);
    }
  }
  if (!WaitForOperations(deadline_us) && !stopped()) JudgeLiveness();
}

// Rows that the next restore has to take away, and changes that it has to undo.
void Runner::WriteSome(const std::vector<uint32_t>& tables, uint64_t salt, int64_t deadline_us) {
  for (const uint32_t table : tables) {
    for (uint64_t i = 0; i < 2; ++i) {
      plan::Step step;
      step.set_salt(sut::Mix({salt, table, i}) | 1);
      plan::ClientOperation* operation = step.mutable_client();
      operation->set_client(epilogue_session());
      operation->set_table(table);
      plan::Mutation* mutation = operation->mutable_write()->add_mutations();
      mutation->set_kind(plan::Mutation::PUT);
      mutation->set_key(EpilogueKey(sut::Mix({salt, i})));
      mutation->set_value(absl::StrCat("e", sut::Mix({salt, table, i, 7})));
      ExecuteClient(step, 0);
    }
  }
  if (!WaitForOperations(deadline_us) && !stopped()) JudgeLiveness();
}

// All of those of dropped tables, which go with the last one.
void Runner::DropSome() {
  const int64_t deadline_us = cluster_->NowUs() + heal_bound_us_;
  bool any = false;
  std::vector<uint32_t> snapshots = CompleteSnapshots();
  std::reverse(snapshots.begin(), snapshots.end());
  for (const uint32_t snapshot : snapshots) {
    if (!CoversDroppedTable(snapshot) && sut::Mix({plan_.seed(), 0x64726f70, snapshot}) % 2 == 0) continue;
    plan::SnapshotOperation drop;
    drop.mutable_delete_()->set_snapshot(snapshot);
    ExecuteSnapshot(drop, EpilogueOrigin(), deadline_us, 0);
    any = true;
  }
  if (!any || stopped()) return;
  const bool ended = WaitForOperations(deadline_us) && WaitForCatalogue(deadline_us) && WaitForTables(deadline_us) &&
                     WaitForQuiet(deadline_us);
  if (stopped()) return;
  if (!ended) return JudgeLiveness();
  Inspect("epilogue, after drops");
}

}  // namespace holdfast::run
