// Values that operations compute while they are judged: sums and concatenations that the history itself may not name.
//
// New values get symbols above those of the history, private to one judge, so that judges of several partitions may run
// side by side over one shared history. One thread.
#ifndef HOLDFAST_HARNESS_CHECK_VALUES_H_
#define HOLDFAST_HARNESS_CHECK_VALUES_H_

#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <string_view>

#include "absl/container/flat_hash_map.h"
#include "harness/history/history.h"

namespace holdfast::check {

using history::Symbol;

class Values {
 public:
  explicit Values(const history::History& history) : history_(&history) {}

  // The number that a value stands for: decimal text within 64 bits; an absent value counts as 0.
  std::optional<int64_t> Number(Symbol value) const;
  // The value of `base` + `delta`; nothing if `base` is no number or the sum does not fit.
  std::optional<Symbol> Add(Symbol base, int64_t delta);
  // True if `base` + `delta` is the number `sum`.
  bool SumIs(Symbol base, int64_t delta, Symbol sum) const;
  Symbol Append(Symbol base, Symbol suffix);

  std::string_view text(Symbol value) const {
    const size_t known = history_->symbols.size();
    return value < known ? history_->text(value) : std::string_view(own_[value - known]);
  }

 private:
  Symbol Intern(std::string text);

  const history::History* history_;
  std::deque<std::string> own_;
  absl::flat_hash_map<std::string, Symbol> own_index_;
  absl::flat_hash_map<uint64_t, Symbol> appended_;  // (base, suffix) -> value
};

}  // namespace holdfast::check

#endif  // HOLDFAST_HARNESS_CHECK_VALUES_H_
