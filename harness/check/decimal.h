// Which texts are numbers to an increment: the rule of the cluster, and of every judge of it.
#ifndef HOLDFAST_HARNESS_CHECK_DECIMAL_H_
#define HOLDFAST_HARNESS_CHECK_DECIMAL_H_

#include <charconv>
#include <cstdint>
#include <optional>
#include <string_view>

namespace holdfast::check {

// Decimal text within 64 bits, in the one spelling of each number: "007", "-0" and "+5" are no numbers.
inline std::optional<int64_t> DecimalValue(std::string_view text) {
  const std::string_view digits = text.substr(text.starts_with('-') ? 1 : 0);
  if (digits.starts_with('0') && text != "0") return std::nullopt;
  int64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return number;
}

}  // namespace holdfast::check

#endif  // HOLDFAST_HARNESS_CHECK_DECIMAL_H_
