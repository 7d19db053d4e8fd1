// The checker's speed on histories of the size that a night of chaos leaves behind: snapshot-map, 8 clients, 8 tablets,
// 128 keys a tablet, 20 snapshots, 10 restores, one core. Generating is not timed; parsing is, where the name says so.
#include <benchmark/benchmark.h>

#include <map>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "harness/check/frontier.h"
#include "harness/check/linearizability.h"
#include "harness/check/unambiguous_register.h"
#include "harness/history/import.h"
#include "harness/history/jsonl.h"
#include "scenarios/histories/generator.h"

namespace holdfast {
namespace {

scenarios::GeneratorOptions Shape(int64_t operations, bool hints, bool indeterminate) {
  scenarios::GeneratorOptions options;
  options.operations = static_cast<uint32_t>(operations);
  options.hints = hints;
  options.indeterminate = indeterminate ? 0.01 : 0;
  return options;
}

// The latest history is kept: benchmarks of one shape run again and again.
const history::History& Generated(const scenarios::GeneratorOptions& options) {
  static std::optional<std::pair<std::tuple<uint32_t, bool, double, double, uint32_t, uint32_t, int>, history::History>>
      kept;
  const std::tuple shape(options.operations, options.hints, options.indeterminate, options.zipf_exponent,
                         options.clients, options.keys, static_cast<int>(options.defect));
  if (!kept.has_value() || kept->first != shape) {
    kept.reset();
    kept.emplace(shape, scenarios::Generate(options));
  }
  return kept->second;
}

void Judge(benchmark::State& state, const scenarios::GeneratorOptions& shape, check::Verdict expected) {
  const history::History& history = Generated(shape);
  check::LinearizabilityOptions options;
  check::LinearizabilityResult result;
  for (auto _ : state) result = check::CheckLinearizability(history, options);
  if (result.verdict != expected) {
    state.SkipWithError(std::string(check::VerdictName(result.verdict)).c_str());
  }
  state.counters["operations"] = static_cast<double>(history.operations.size());
  state.counters["configurations"] = static_cast<double>(result.work);
  state.counters["partitions_unknown"] = static_cast<double>(result.unknown_count);
}

void BM_WithHints(benchmark::State& state) { Judge(state, Shape(state.range(0), true, false), check::Verdict::kPass); }
BENCHMARK(BM_WithHints)->Arg(1'000'000)->Arg(10'000'000)->Unit(benchmark::kMillisecond);

void BM_WithoutHints(benchmark::State& state) {
  Judge(state, Shape(state.range(0), false, false), check::Verdict::kPass);
}
BENCHMARK(BM_WithoutHints)->Arg(1'000'000)->Unit(benchmark::kMillisecond);

void BM_OnePercentIndeterminate(benchmark::State& state) {
  Judge(state, Shape(state.range(0), true, true), check::Verdict::kPass);
}
BENCHMARK(BM_OnePercentIndeterminate)->Arg(1'000'000)->Unit(benchmark::kMillisecond);

// A violation in the last percent, of each class; to be compared with BM_WithHints.
void BM_Violation(benchmark::State& state) {
  scenarios::GeneratorOptions shape = Shape(1'000'000, true, false);
  shape.defect = static_cast<scenarios::Defect>(state.range(0));
  // By tablet, a cut that is torn between tablets is right.
  const bool by_table_only = shape.defect == scenarios::Defect::kTornBetweenTablets;
  state.SetLabel(std::string(scenarios::DefectName(shape.defect)));
  Judge(state, shape, by_table_only ? check::Verdict::kPass : check::Verdict::kFail);
}
BENCHMARK(BM_Violation)->DenseRange(1, scenarios::kDefectCount - 1)->Unit(benchmark::kMillisecond);

// Figures only: `unknown` is allowed here, and counted.
void ShowFigures(benchmark::State& state, const scenarios::GeneratorOptions& shape) {
  const history::History& history = Generated(shape);
  check::LinearizabilityOptions options;
  options.limits.work_max = 100'000'000;
  check::LinearizabilityResult result;
  for (auto _ : state) result = check::CheckLinearizability(history, options);
  state.SetLabel(std::string(check::VerdictName(result.verdict)));
  state.counters["partitions_unknown"] = static_cast<double>(result.unknown_count);
  state.counters["partitions"] = static_cast<double>(result.partition_count);
}

void BM_HotKeysOnePercentIndeterminate(benchmark::State& state) {
  scenarios::GeneratorOptions shape = Shape(state.range(0), true, true);
  shape.zipf_exponent = 1;
  ShowFigures(state, shape);
}
BENCHMARK(BM_HotKeysOnePercentIndeterminate)->Arg(100'000)->Unit(benchmark::kMillisecond)->Iterations(1);

void BM_ManyClientsFewKeysWithoutHints(benchmark::State& state) {
  scenarios::GeneratorOptions shape = Shape(state.range(0), false, false);
  shape.clients = 32;
  shape.tablets = 1;
  shape.keys = 16;
  ShowFigures(state, shape);
}
BENCHMARK(BM_ManyClientsFewKeysWithoutHints)->Arg(10'000)->Unit(benchmark::kMillisecond)->Iterations(1);

// One value, one writer: puts and gets of `clients` clients on `keys` keys, every put of a new value. By the zones of
// its values, and by the search alone.
history::History UnambiguousHistory(int64_t operations, uint32_t clients, uint32_t keys) {
  history::History history;
  std::mt19937_64 random(1);
  std::vector<history::Symbol> names, values(keys, history::kAbsent);
  for (uint32_t key = 0; key < keys; ++key) names.push_back(history.symbols.Intern("k" + std::to_string(key)));
  std::vector<int64_t> running(clients, -1);
  int64_t event = 0, called = 0, open = 0;
  while (called < operations || open > 0) {
    int64_t& position = running[random() % clients];
    if (position >= 0) {
      // Took effect when it was called, or takes effect now.
      history::Operation& op = history.operations[static_cast<size_t>(position)];
      const size_t key = static_cast<size_t>(op.key - names[0]);
      if (op.kind == history::Kind::kPut && op.step == 1) values[key] = op.value;
      if (op.kind == history::Kind::kGet && op.step == 1) op.value = values[key];
      op.complete = ++event;
      position = -1;
      --open;
    } else if (called < operations) {
      const size_t key = random() % keys;
      position = static_cast<int64_t>(history.operations.size());
      history::Operation op;
      op.kind = random() % 2 == 0 ? history::Kind::kGet : history::Kind::kPut;
      op.key = names[key];
      op.step = static_cast<uint32_t>(random() % 2);
      op.value = op.kind == history::Kind::kGet ? values[key] : history.symbols.Intern(std::to_string(called));
      if (op.kind == history::Kind::kPut && op.step == 0) values[key] = op.value;
      op.invoke = ++event;
      op.outcome = history::Outcome::kOk;
      history.operations.push_back(op);
      ++called;
      ++open;
    }
  }
  return history;
}

void JudgeUnambiguous(benchmark::State& state, bool by_zones) {
  const history::History history =
      UnambiguousHistory(state.range(0), static_cast<uint32_t>(state.range(1)), static_cast<uint32_t>(state.range(2)));
  const std::vector<check::ObjectOperations> objects = check::OperationsByObject(history);
  const check::ObjectOperations* const partition[] = {&objects[0]};
  const check::Problem problem = check::ProblemBuilder(history, {check::Model::kKv, history::kAbsent}).Build(partition);
  const check::Limits limits;
  check::Verdict verdict = check::Verdict::kUnknown;
  for (auto _ : state) {
    check::Meter meter(limits, 1'000'000'000);
    verdict = by_zones ? check::JudgeUnambiguousCells(problem, &meter).verdict
                       : check::Frontier(problem, {}, &meter).Run().verdict;
  }
  state.SetLabel(std::string(check::VerdictName(verdict)));
}

void BM_UnambiguousByZones(benchmark::State& state) { JudgeUnambiguous(state, true); }
void BM_UnambiguousBySearch(benchmark::State& state) { JudgeUnambiguous(state, false); }
BENCHMARK(BM_UnambiguousByZones)
    ->Args({1'000'000, 8, 1024})
    ->Args({1'000'000, 32, 16})
    ->Unit(benchmark::kMillisecond)
    ->Iterations(2);
BENCHMARK(BM_UnambiguousBySearch)
    ->Args({1'000'000, 8, 1024})
    ->Args({1'000'000, 32, 16})
    ->Unit(benchmark::kMillisecond)
    ->Iterations(1);

void BM_ParseJsonl(benchmark::State& state) {
  const std::string text =
      history::ToJsonl(Generated(Shape(state.range(0), true, false)), {"snapshot-map", std::nullopt});
  for (auto _ : state) {
    history::TextSource source(history::TextSource::FromMemory(text), text.size());
    history::Imported imported;
    history::ParseError error;
    if (!history::Import(&source, std::nullopt, &imported, &error)) state.SkipWithError(error.message.c_str());
  }
  state.SetBytesProcessed(static_cast<int64_t>(state.iterations() * text.size()));
}
BENCHMARK(BM_ParseJsonl)->Arg(1'000'000)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace holdfast
