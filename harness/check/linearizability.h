// Is a history linearizable? The one entry to the engine.
//
// The history is cut into partitions (one tablet, register or map each), every partition is judged whole, and the
// verdicts compose. `pass` and `fail` are exact; whatever reaches a limit is `unknown`. Hints are tried first and never
// trusted. Pure: no clock, no thread of its own; `executor` may spread partitions over the caller's threads.
#ifndef HOLDFAST_HARNESS_CHECK_LINEARIZABILITY_H_
#define HOLDFAST_HARNESS_CHECK_LINEARIZABILITY_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "harness/check/explanation.h"
#include "harness/check/problem.h"
#include "harness/check/verdict.h"
#include "harness/history/history.h"

namespace holdfast::check {

// Calls task(i) once for each i below count, in any order, perhaps from several threads; returns when all have
// returned.
using Executor = std::function<void(size_t count, const std::function<void(size_t)>& task)>;

struct LinearizabilityOptions {
  Model model = Model::kSnapshotMap;
  // What every cell holds before the first write, where the history says nothing of it. REQUIRES: a symbol of the
  // history. The string models (kv-append) start from kAbsent, which counts as "".
  Symbol initial = history::kAbsent;
  Limits limits;
  Executor executor;    // empty: one after another, in this thread
  bool explain = true;  // build the evidence of a violation
};

struct LinearizabilityResult {
  Verdict verdict = Verdict::kUnknown;
  // Of a violation: the one whose prefix is shortest, if `explain`.
  std::optional<Explanation> evidence;
  // Why the verdict is `unknown` or `vacuous`.
  std::string reason;
  size_t partition_count = 0;
  size_t unknown_count = 0;  // partitions that reached a limit
  int64_t work = 0;          // configurations visited
};

// REQUIRES: every operation's complete lies after its invoke; operations are in order of invoke.
LinearizabilityResult CheckLinearizability(const history::History& history, const LinearizabilityOptions& options);

}  // namespace holdfast::check

#endif  // HOLDFAST_HARNESS_CHECK_LINEARIZABILITY_H_
