// Reductions of what steps say: batches, keys, values, triggers, faults and gaps.

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <set>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "harness/plan/keys.h"
#include "harness/plan/probe_target.h"
#include "harness/plan/reductions.h"

namespace holdfast::plan {
namespace {

size_t StepCount(const Plan& plan) { return static_cast<size_t>(plan.steps_size()); }

// The step at a position, or null if the plan is shorter by now.
Step* StepAt(Plan* plan, size_t position) {
  return position < StepCount(*plan) ? plan->mutable_steps(static_cast<int>(position)) : nullptr;
}

// Every mutation of the plan, in order.
std::vector<Mutation*> Mutations(Plan* plan) {
  std::vector<Mutation*> mutations;
  for (Step& step : *plan->mutable_steps()) {
    if (!step.client().has_write()) continue;
    for (Mutation& mutation : *step.mutable_client()->mutable_write()->mutable_mutations())
      mutations.push_back(&mutation);
  }
  return mutations;
}

size_t MutationCount(const Plan& plan) {
  size_t count = 0;
  for (const Step& step : plan.steps()) count += static_cast<size_t>(step.client().write().mutations_size());
  return count;
}

bool RemoveMutation(Plan* plan, size_t position) {
  for (Step& step : *plan->mutable_steps()) {
    const auto size = static_cast<size_t>(step.client().write().mutations_size());
    if (position >= size) {
      position -= size;
      continue;
    }
    if (size == 1) return false;  // that would be the step itself
    step.mutable_client()->mutable_write()->mutable_mutations()->DeleteSubrange(static_cast<int>(position), 1);
    return true;
  }
  return false;
}

std::set<std::string> Keys(const Plan& plan) {
  std::set<std::string> keys;
  for (const Step& step : plan.steps()) {
    for (const Mutation& mutation : step.client().write().mutations()) keys.insert(mutation.key());
    if (step.client().has_get()) keys.insert(step.client().get().key());
  }
  return keys;
}

void RenameKey(Plan* plan, const std::string& from, const std::string& to) {
  for (Mutation* mutation : Mutations(plan)) {
    if (mutation->key() == from) mutation->set_key(to);
  }
  for (Step& step : *plan->mutable_steps()) {
    if (step.client().has_get() && step.client().get().key() == from) step.mutable_client()->mutable_get()->set_key(to);
  }
}

// In tables of either sort.
bool InOneTablet(const Shape& shape, const std::string& a, const std::string& b) {
  return TabletOfKey(a, shape, 0) == TabletOfKey(b, shape, 0) && TabletOfKey(a, shape, 1) == TabletOfKey(b, shape, 1);
}

bool IsPlainKey(const std::string& key) { return key.size() == 1 && key[0] >= 'a' && key[0] <= 'z'; }

// Gives the key at `position`, in byte order, the first free letter that lies in the same tablet.
bool ShortenKey(Plan* plan, size_t position) {
  const std::set<std::string> keys = Keys(*plan);
  if (position >= keys.size()) return false;
  const std::string& key = *std::next(keys.begin(), static_cast<std::ptrdiff_t>(position));
  if (IsPlainKey(key)) return false;
  for (char letter = 'a'; letter <= 'z'; ++letter) {
    const std::string plain(1, letter);
    if (keys.contains(plain) || !InOneTablet(plan->shape(), plain, key)) continue;
    RenameKey(plan, key, plain);
    return true;
  }
  return false;
}

bool IsPlainValue(const std::string& value) {
  return value.size() >= 2 && value.size() <= 8 && (value[0] == 'v' || value[0] == 'w') &&
         std::all_of(value.begin() + 1, value.end(), [](char c) { return c >= '0' && c <= '9'; });
}

// The last position: all values at once; any other: that of one mutation. Values stay unique: each is named by its
// place.
bool ShortenValue(Plan* plan, size_t position) {
  const std::vector<Mutation*> mutations = Mutations(plan);
  const bool all = position == mutations.size();
  bool changed = false;
  for (size_t i = 0; i < mutations.size(); ++i) {
    if ((!all && i != position) || mutations[i]->kind() != Mutation::PUT || IsPlainValue(mutations[i]->value()))
      continue;
    mutations[i]->set_value(absl::StrCat("w", i));
    changed = true;
  }
  return changed;
}

// All deltas at once, to 1, 2, 3 and so on, which can still be told apart.
bool ShortenDeltas(Plan* plan, size_t) {
  int64_t next = 0;
  bool changed = false;
  for (Mutation* mutation : Mutations(plan)) {
    if (mutation->kind() != Mutation::INCREMENT) continue;
    changed |= std::abs(mutation->delta()) > 1000;
    mutation->set_delta(++next);
  }
  return changed;
}

bool RemoveWhen(Plan* plan, size_t position) {
  Step* step = StepAt(plan, position);
  if (step == nullptr || !step->has_when()) return false;
  // The node that would hit the probe is not known without one.
  if (StrikesNodeOfProbe(step->fault())) {
    if (!step->when().has_target()) return false;
    AimAt(step->when().target(), step->mutable_fault());
  }
  step->clear_when();
  return true;
}

bool SimplifyWhen(Plan* plan, size_t position) {
  Step* step = StepAt(plan, position);
  if (step == nullptr || !step->has_when()) return false;
  step->mutable_when()->clear_nth();
  step->mutable_when()->clear_target();
  step->mutable_when()->clear_deadline_us();
  return true;
}

// To the kinds that do less: process death, both ways, nodes alone.
bool SimplifyFault(Plan* plan, size_t position) {
  Step* step = StepAt(plan, position);
  if (step == nullptr || !step->has_fault()) return false;
  fault::Fault* fault = step->mutable_fault();
  if (fault->has_crash()) fault->mutable_crash()->clear_kind();
  if (fault->has_crash_all()) fault->mutable_crash_all()->clear_kind();
  if (fault->has_crash()) fault->mutable_crash()->clear_times();
  if (fault->has_crash_all()) fault->mutable_crash_all()->clear_stagger_us();
  if (fault->has_disk()) {
    fault->mutable_disk()->clear_times();
    fault->mutable_disk()->clear_nth();
  }
  if (fault->has_disk_loss()) fault->mutable_disk_loss()->clear_elsewhere();
  if (fault->has_rot()) {
    fault->mutable_rot()->clear_files();
    fault->mutable_rot()->clear_bits();
  }
  if (!fault->has_partition()) return true;
  // A ring has no side to become a split of.
  if (fault->partition().kind() != fault::Partition::RING) fault->mutable_partition()->clear_kind();
  fault->mutable_partition()->clear_clients_too();
  fault->mutable_partition()->clear_clients_inside();
  return true;
}

Reduction GapsDownTo(uint64_t gap_us) {
  return {.name = absl::StrCat("gaps down to ", gap_us, " us"),
          .count = StepCount,
          .apply = [gap_us](Plan* plan, size_t position) {
            Step* step = StepAt(plan, position);
            if (step == nullptr || step->gap_us() <= gap_us) return false;
            step->set_gap_us(gap_us);
            return true;
          }};
}

// All gaps at once, down to whole units, so that people can read them.
Reduction RoundGaps(uint64_t unit_us) {
  return {.name = absl::StrCat("gaps in units of ", unit_us, " us"),
          .count = [](const Plan&) { return size_t{1}; },
          .apply =
              [unit_us](Plan* plan, size_t) {
                for (Step& step : *plan->mutable_steps()) {
                  if (step.gap_us() > unit_us) step.set_gap_us(step.gap_us() / unit_us * unit_us);
                }
                return true;
              }};
}

bool ClearSalts(Plan* plan, size_t) {
  for (Step& step : *plan->mutable_steps()) step.clear_salt();
  return true;
}

size_t One(const Plan&) { return 1; }

}  // namespace

void AddContentReductions(std::vector<Reduction>* reductions) {
  reductions->push_back(
      {.name = "keys", .count = [](const Plan& plan) { return Keys(plan).size(); }, .apply = ShortenKey});
  reductions->push_back(
      {.name = "values", .count = [](const Plan& plan) { return MutationCount(plan) + 1; }, .apply = ShortenValue});
  reductions->push_back({.name = "deltas", .count = One, .apply = ShortenDeltas});
  reductions->push_back({.name = "mutations of batches", .count = MutationCount, .apply = RemoveMutation});
  reductions->push_back({.name = "no waiting for probes", .count = StepCount, .apply = RemoveWhen});
  reductions->push_back({.name = "simpler waiting for probes", .count = StepCount, .apply = SimplifyWhen});
  reductions->push_back({.name = "simpler faults", .count = StepCount, .apply = SimplifyFault});
  reductions->push_back({.name = "salts", .count = One, .apply = ClearSalts});
  for (const uint64_t gap_us : {0, 100'000, 1'000'000}) reductions->push_back(GapsDownTo(gap_us));
  for (const uint64_t unit_us : {100'000, 1'000}) reductions->push_back(RoundGaps(unit_us));
}

}  // namespace holdfast::plan
