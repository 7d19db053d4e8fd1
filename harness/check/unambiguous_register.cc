#include "harness/check/unambiguous_register.h"

#include <algorithm>
#include <cstddef>
#include <limits>
#include <span>

namespace holdfast::check {
namespace {

constexpr int64_t kBeforeAll = std::numeric_limits<int64_t>::min();

// One operation on the cell at hand.
struct Access {
  int64_t invoke = 0;
  int64_t complete = 0;
  Symbol value = history::kAbsent;
  bool write = false;
  bool optional = false;
};

// From the first end to the last beginning of a cluster: forward if the end comes first.
struct Zone {
  int64_t first_end = history::kPending;
  int64_t last_begin = kBeforeAll;

  bool forward() const { return first_end <= last_begin; }
};

class CellJudge {
 public:
  // Sorts the accesses. kUnknown: out of the class.
  Verdict Judge(std::span<Access> accesses, Symbol initial) {
    std::sort(accesses.begin(), accesses.end(), [](const Access& a, const Access& b) {
      if (a.value != b.value) return a.value < b.value;
      return a.write && !b.write;
    });
    forward_.clear();
    backward_.clear();
    Verdict verdict = Verdict::kPass;
    for (size_t begin = 0; begin < accesses.size();) {
      size_t end = begin + 1;
      while (end < accesses.size() && accesses[end].value == accesses[begin].value) ++end;
      const Verdict cluster = AddCluster(accesses.subspan(begin, end - begin), accesses[begin].value == initial);
      if (cluster == Verdict::kUnknown) return cluster;
      verdict = Compose(verdict, cluster);
      begin = end;
    }
    return verdict == Verdict::kPass ? JudgeZones() : verdict;
  }

 private:
  // The operations of one value, its write first.
  Verdict AddCluster(std::span<const Access> cluster, bool initial) {
    const Access& first = cluster.front();
    if (initial ? first.write : cluster.size() > 1 && cluster[1].write) return Verdict::kUnknown;
    if (!initial && !first.write) return Verdict::kFail;  // read, and never written
    if (first.optional && cluster.size() == 1) return Verdict::kPass;
    Zone zone;
    if (initial) zone.first_end = kBeforeAll;
    for (const Access& access : cluster) {
      // A read that ends before its write begins.
      if (!initial && access.complete <= first.invoke) return Verdict::kFail;
      zone.first_end = std::min(zone.first_end, access.complete);
      zone.last_begin = std::max(zone.last_begin, access.invoke);
    }
    (zone.forward() ? forward_ : backward_).push_back(zone);
    return Verdict::kPass;
  }

  Verdict JudgeZones() {
    const auto earlier = [](const Zone& a, const Zone& b) { return a.first_end < b.first_end; };
    std::sort(forward_.begin(), forward_.end(), earlier);
    for (size_t i = 1; i < forward_.size(); ++i) {
      if (forward_[i].first_end <= forward_[i - 1].last_begin) return Verdict::kFail;
    }
    for (const Zone& zone : backward_) {
      // Forward zones are apart, so only the last that begins before this one can hold it.
      const auto next = std::upper_bound(forward_.begin(), forward_.end(), zone.last_begin,
                                         [](int64_t at, const Zone& other) { return at < other.first_end; });
      if (next != forward_.begin() && zone.first_end <= std::prev(next)->last_begin) return Verdict::kFail;
    }
    return Verdict::kPass;
  }

  std::vector<Zone> forward_, backward_;
};

}  // namespace

CellVerdicts JudgeUnambiguousCells(const Problem& problem, Meter* meter) {
  CellVerdicts verdicts;
  const size_t cell_count = problem.cells.size();
  // By cell: where its accesses begin; and whether it is only read and written.
  std::vector<uint32_t> begins(cell_count + 1, 0);
  std::vector<uint8_t> plain(cell_count, 1);
  meter->HoldBytes(static_cast<int64_t>(problem.items.size() * sizeof(Access) + cell_count * sizeof(uint32_t)));
  if (meter->exhausted()) return verdicts;
  for (const Item& item : problem.items) {
    if (!item.single()) return verdicts;
    const Effect& effect = problem.effects[item.effects_begin];
    if (effect.type != EffectType::kWrite && effect.type != EffectType::kExpect) plain[effect.cell] = 0;
    ++begins[effect.cell + 1];
  }
  for (size_t cell = 0; cell < cell_count; ++cell) begins[cell + 1] += begins[cell];
  std::vector<Access> accesses(problem.items.size());
  std::vector<uint32_t> ends(begins.begin(), begins.end() - 1);
  for (const Item& item : problem.items) {
    const Effect& effect = problem.effects[item.effects_begin];
    const bool write = effect.type == EffectType::kWrite;
    accesses[ends[effect.cell]++] = {item.invoke, item.complete, write ? effect.argument : effect.expected, write,
                                     item.optional};
  }
  CellJudge judge;
  for (uint32_t cell = 0; cell < cell_count; ++cell) {
    const std::span<Access> own(accesses.data() + begins[cell], begins[cell + 1] - begins[cell]);
    Verdict verdict = Verdict::kUnknown;
    if (plain[cell] != 0 && meter->Spend(static_cast<int64_t>(own.size()))) {
      verdict = judge.Judge(own, problem.cells[cell].initial);
    }
    if (verdict == Verdict::kFail) verdicts.wrong.push_back(cell);
    if (verdict == Verdict::kUnknown && !own.empty()) verdicts.undecided.push_back(cell);
  }
  verdicts.verdict = !verdicts.wrong.empty()       ? Verdict::kFail
                     : !verdicts.undecided.empty() ? Verdict::kUnknown
                                                   : Verdict::kPass;
  return verdicts;
}

}  // namespace holdfast::check
