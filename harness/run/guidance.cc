#include "harness/run/guidance.h"

#include <bit>

#include "absl/strings/str_cat.h"
#include "harness/plan/mutate.h"
#include "sut/base/prng.h"

namespace holdfast::run {
namespace {

void Add(const std::string& name, uint64_t count, std::vector<std::string>* features) {
  if (count > 0) features->push_back(absl::StrCat(name, "*", std::bit_floor(count)));
}

}  // namespace

std::vector<std::string> FeaturesOf(const Result& result) {
  std::vector<std::string> features;
  for (const auto& [name, hits] : result.probes()) Add(name, hits, &features);
  for (const auto& [name, count] : result.cells()) Add(name, count, &features);
  const Counters& n = result.counters();
  Add("snapshots failed", n.snapshots_failed(), &features);
  Add("snapshots complete", n.snapshots_complete(), &features);
  Add("operations failed", n.operations_failed(), &features);
  Add("operations indeterminate", n.operations_indeterminate(), &features);
  Add("disk stops", n.disk_stops(), &features);
  Add("probe crashes", n.probe_crashes_struck(), &features);
  Add("triggers", n.triggers_met(), &features);
  return features;
}

bool Guidance::Learn(const plan::Plan& plan, const std::vector<std::string>& features) {
  bool reached_more = false;
  for (const std::string& feature : features) reached_more |= seen_.insert(feature).second;
  if (!reached_more) return false;
  kept_.push_back(plan);
  if (kept_.size() > kKeptMax) kept_.pop_front();
  return true;
}

std::optional<plan::Plan> Guidance::Mutated(const plan::Plan& fresh, uint64_t seed) const {
  sut::Prng random(sut::Mix({seed, 0x67756964}));
  if (kept_.empty() || random.OneIn(2)) return std::nullopt;
  const plan::Plan& base = kept_[random.NextBelow(kept_.size())];
  return plan::Mutate(base, fresh, random.Next());
}

}  // namespace holdfast::run
