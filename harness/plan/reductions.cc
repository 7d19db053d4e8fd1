#include "harness/plan/reductions.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <set>

#include "absl/strings/str_cat.h"
#include "harness/plan/repair.h"
#include "harness/plan/validate.h"
#include "sut/base/prng.h"

namespace holdfast::plan {
namespace {

bool IsRead(const Step& step) { return step.client().has_get() || step.client().has_scan(); }
bool IsIncrement(const Step& step) {
  return step.client().has_write() && step.client().write().mutations(0).kind() == Mutation::INCREMENT;
}

// Whole kinds of steps. Tried from the last to the first.
constexpr std::array<bool (*)(const Step&), 10> kStepKinds = {
    [](const Step& step) { return step.has_client() && !IsRead(step); },
    IsIncrement,
    [](const Step& step) { return step.has_when(); },
    IsRead,
    [](const Step& step) { return step.has_fault(); },
    [](const Step& step) { return step.has_move(); },
    [](const Step& step) { return step.snapshot().has_list(); },
    [](const Step& step) { return step.has_inspect() || step.has_maintenance(); },
    [](const Step& step) { return step.has_membership() || step.fault().has_disk_loss(); },
    [](const Step& step) { return step.has_table(); },
};

Reduction StepKinds() {
  return {.name = "kinds of steps",
          .count = [](const Plan&) { return kStepKinds.size(); },
          .apply =
              [](Plan* plan, size_t position) {
                const int before = plan->steps_size();
                KeepSteps(plan, [position](Step* step) { return !kStepKinds[position](*step); });
                return plan->steps_size() < before;
              }};
}

// Delta debugging (Zeller and Hildebrandt, "Simplifying and isolating failure-inducing input", 2002): complements of
// chunks.
Reduction Chunks(size_t size) {
  return {.name = absl::StrCat("chunks of ", size, " steps"),
          .count = [size](const Plan& plan) { return (static_cast<size_t>(plan.steps_size()) + size - 1) / size; },
          .apply =
              [size](Plan* plan, size_t position) {
                size_t i = 0;
                KeepSteps(plan, [&i, size, position](Step*) { return i++ / size != position; });
                return true;
              }};
}

// Chunks again, each a few times: without the time that its steps took, and under other seeds. Where a failure hangs on
// a coincidence, any step less undoes it, and a smaller plan has to have luck of its own.
Reduction ChunksWithLuck(size_t size) {
  constexpr size_t kTries = 4;
  return {
      .name = absl::StrCat("chunks of ", size, " steps, timed or drawn anew"),
      .count = [size](const Plan& plan) { return (static_cast<size_t>(plan.steps_size()) + size - 1) / size * kTries; },
      .apply =
          [size](Plan* plan, size_t position) {
            const auto from = static_cast<int>(position / kTries * size);
            if (from >= plan->steps_size()) return false;
            const int count = std::min(static_cast<int>(size), plan->steps_size() - from);
            const size_t attempt = position % kTries;
            if (attempt == kTries - 1) {
              plan->mutable_steps()->DeleteSubrange(from, count);
              return true;
            }
            KeepSteps(plan, [i = 0, from, count](Step*) mutable {
              const int at = i++;
              return at < from || at >= from + count;
            });
            plan->set_seed(sut::Mix({plan->seed(), attempt}));
            return true;
          }};
}

// The values 1, 3, 5.. below `current`, the smallest at the highest position.
size_t OddBelow(uint32_t current) { return current / 2; }
uint32_t OddAt(uint32_t current, size_t position) {
  return 2 * static_cast<uint32_t>(OddBelow(current) - 1 - position) + 1;
}

Reduction Nodes() {
  return {.name = "nodes",
          .count = [](const Plan& plan) { return OddBelow(plan.shape().nodes()); },
          .apply =
              [](Plan* plan, size_t position) {
                if (position >= OddBelow(plan->shape().nodes())) return false;
                SetNodes(plan, OddAt(plan->shape().nodes(), position));
                return true;
              }};
}

Reduction ReplicationFactor() {
  return {.name = "replication factor",
          .count = [](const Plan& plan) { return OddBelow(plan.shape().replication_factor()); },
          .apply =
              [](Plan* plan, size_t position) {
                if (position >= OddBelow(plan->shape().replication_factor())) return false;
                SetReplicationFactor(plan, OddAt(plan->shape().replication_factor(), position));
                return true;
              }};
}

// One less, or else all folded into one.
Reduction Tables() {
  return {.name = "tables",
          .count = [](const Plan& plan) { return static_cast<size_t>(plan.shape().tables()) + 1; },
          .apply =
              [](Plan* plan, size_t position) {
                if (plan->shape().tables() == 1 || position > plan->shape().tables()) return false;
                if (position == 0) {
                  FoldTables(plan);
                } else {
                  RemoveTable(plan, static_cast<uint32_t>(position - 1));
                }
                return true;
              }};
}

// A restore or delete is of the first snapshot instead, so that later ones are not needed.
Reduction Snapshots() {
  return {.name = "snapshots",
          .count = [](const Plan& plan) { return static_cast<size_t>(plan.steps_size()); },
          .apply =
              [](Plan* plan, size_t position) {
                if (position >= static_cast<size_t>(plan->steps_size())) return false;
                const auto first = std::find_if(plan->steps().begin(), plan->steps().end(),
                                                [](const Step& step) { return step.snapshot().has_create(); });
                Step* step = plan->mutable_steps(static_cast<int>(position));
                if (step->snapshot().has_restore()) {
                  step->mutable_snapshot()->mutable_restore()->set_snapshot(first->snapshot().create().snapshot());
                } else if (step->snapshot().has_delete_()) {
                  step->mutable_snapshot()->mutable_delete_()->set_snapshot(first->snapshot().create().snapshot());
                }
                return true;
              }};
}

Reduction EvenTables() {
  return {.name = "even tables",
          .count = [](const Plan&) { return size_t{1}; },
          .apply =
              [](Plan* plan, size_t) {
                if (!plan->shape().uneven_tables()) return false;
                plan->mutable_shape()->clear_uneven_tables();
                return true;
              }};
}

// To one, or else to half.
Reduction Tablets() {
  return {.name = "tablets",
          .count = [](const Plan&) { return size_t{2}; },
          .apply =
              [](Plan* plan, size_t position) {
                const uint32_t tablets = position == 1 ? 1 : plan->shape().tablets_per_table() / 2;
                if (tablets == 0 || tablets >= plan->shape().tablets_per_table()) return false;
                SetTablets(plan, tablets);
                return true;
              }};
}

// To one, or else to as many as do something.
Reduction Clients() {
  return {.name = "clients",
          .count = [](const Plan&) { return size_t{2}; },
          .apply =
              [](Plan* plan, size_t position) {
                std::set<uint32_t> used = {0};
                for (const Step& step : plan->steps()) {
                  used.insert(step.has_client()  ? step.client().client()
                              : step.has_table() ? step.table().client()
                                                 : step.snapshot().client());
                }
                const uint32_t clients = position == 1 ? 1 : static_cast<uint32_t>(used.size());
                if (clients >= plan->clients()) return false;
                SetClients(plan, clients);
                return true;
              }};
}

// Position 0 to n-1: field n back to its default; position n: all of them.
bool ClearField(google::protobuf::Message* message, size_t position) {
  const auto fields = static_cast<size_t>(message->GetDescriptor()->field_count());
  if (position == fields) {
    message->Clear();
    return true;
  }
  if (position > fields) return false;
  message->GetReflection()->ClearField(message, message->GetDescriptor()->field(static_cast<int>(position)));
  return true;
}

Reduction DefaultOptions() {
  return {.name = "options back to defaults",
          .count = [](const Plan&) { return static_cast<size_t>(Options::descriptor()->field_count()) + 1; },
          .apply = [](Plan* plan, size_t position) { return ClearField(plan->mutable_options(), position); }};
}

Reduction DefaultWorld() {
  return {.name = "world back to defaults",
          .count = [](const Plan&) { return static_cast<size_t>(World::descriptor()->field_count()) + 1; },
          .apply = [](Plan* plan, size_t position) { return ClearField(plan->mutable_world(), position); }};
}

// Logs cut and stores flushed at every entry or every few, for a quarter of the steps: where a failure waits for that,
// or comes between two flushes, it takes as many writes as the options say. That steps go with it keeps it from undoing
// and redoing the reductions above.
Reduction EntriesBetweenFlushes() {
  constexpr size_t kQuarters = 4;
  static constexpr std::array<uint64_t, 3> kFew = {3, 2, 1};
  return {.name = "fewer entries between flushes",
          .count = [](const Plan&) { return kFew.size() * kQuarters; },
          .apply =
              [](Plan* plan, size_t position) {
                const auto steps = static_cast<size_t>(plan->steps_size());
                const uint64_t few = kFew[position / kQuarters];
                Options* options = plan->mutable_options();
                const uint64_t now = options->flush_after_entries();
                const bool at_so_few = options->log_retention_entries() == 1 && now > 0 && now <= few;
                if (at_so_few || steps < kQuarters) return false;
                options->set_log_retention_entries(1);
                options->set_flush_after_entries(few);
                size_t i = 0;
                KeepSteps(plan,
                          [&i, steps, position](Step*) { return i++ * kQuarters / steps != position % kQuarters; });
                return true;
              }};
}

}  // namespace

void AddStepReductions(const Plan& plan, std::vector<Reduction>* reductions) {
  reductions->push_back(StepKinds());
  for (int size = plan.steps_size() / 2; size > 0; size /= 2) reductions->push_back(Chunks(static_cast<size_t>(size)));
  // A single step has no half.
  if (plan.steps_size() == 1) reductions->push_back(Chunks(1));
  reductions->push_back(Snapshots());
}

std::vector<Reduction> LuckyReductionsFor(const Plan& plan) {
  std::vector<Reduction> reductions;
  for (int size = plan.steps_size() / 2; size > 0; size /= 2) {
    reductions.push_back(ChunksWithLuck(static_cast<size_t>(size)));
  }
  return reductions;
}

void AddHeaderReductions(std::vector<Reduction>* reductions) {
  for (Reduction reduction : {Nodes(), ReplicationFactor(), Tables(), EvenTables(), Tablets(), Clients(),
                              DefaultOptions(), DefaultWorld(), EntriesBetweenFlushes()}) {
    reductions->push_back(std::move(reduction));
  }
}

std::vector<Reduction> ReductionsFor(const Plan& plan) {
  std::vector<Reduction> reductions;
  AddStepReductions(plan, &reductions);
  AddHeaderReductions(&reductions);
  AddContentReductions(&reductions);
  return reductions;
}

bool Reduce(const Reduction& reduction, size_t position, const Plan& plan, Plan* reduced) {
  *reduced = plan;
  if (!reduction.apply(reduced, position)) return false;
  Repair(reduced);
  // An empty message and an absent one mean the same.
  if (reduced->options().ByteSizeLong() == 0) reduced->clear_options();
  if (reduced->world().ByteSizeLong() == 0) reduced->clear_world();
  if (!Validate(*reduced, nullptr).ok()) return false;
  return reduced->SerializeAsString() != plan.SerializeAsString();
}

}  // namespace holdfast::plan
