#include "harness/check/values.h"

#include <utility>

#include "harness/check/decimal.h"

namespace holdfast::check {

std::optional<int64_t> Values::Number(Symbol value) const {
  if (value == history::kAbsent) return 0;
  if (value >= history_->symbols.size() + own_.size()) return std::nullopt;  // no text: that a snapshot exists
  return DecimalValue(text(value));
}

std::optional<Symbol> Values::Add(Symbol base, int64_t delta) {
  const std::optional<int64_t> number = Number(base);
  int64_t sum = 0;
  if (!number.has_value() || __builtin_add_overflow(*number, delta, &sum)) return std::nullopt;
  return Intern(std::to_string(sum));
}

bool Values::SumIs(Symbol base, int64_t delta, Symbol sum) const {
  const std::optional<int64_t> number = Number(base);
  const std::optional<int64_t> wanted = Number(sum);
  int64_t found = 0;
  return number.has_value() && wanted.has_value() && sum != history::kAbsent &&
         !__builtin_add_overflow(*number, delta, &found) && found == *wanted;
}

Symbol Values::Append(Symbol base, Symbol suffix) {
  const uint64_t pair = (uint64_t{base} << 32) | suffix;
  const auto found = appended_.find(pair);
  if (found != appended_.end()) return found->second;
  std::string joined(text(base));
  joined.append(text(suffix));
  const Symbol value = Intern(std::move(joined));
  appended_.emplace(pair, value);
  return value;
}

Symbol Values::Intern(std::string text) {
  const Symbol known = history_->symbols.Find(text);
  if (known != history::kAbsent) return known;
  const auto [found, added] = own_index_.try_emplace(text, 0);
  if (added) {
    found->second = static_cast<Symbol>(history_->symbols.size() + own_.size());
    own_.push_back(std::move(text));
  }
  return found->second;
}

}  // namespace holdfast::check
