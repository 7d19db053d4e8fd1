// UTF-8, one code point at a time (RFC 3629).

#ifndef SUT_CQL_UTF8_H_
#define SUT_CQL_UTF8_H_

#include <cstdint>
#include <optional>
#include <string_view>

namespace sut::cql {

struct CodePoint {
  char32_t value = 0;
  size_t bytes = 0;
};

// The first one; none if the bytes do not begin with a well-formed one: too long a form, a surrogate, past U+10FFFF.
inline std::optional<CodePoint> FirstCodePoint(std::string_view text) {
  if (text.empty()) return std::nullopt;
  const auto lead = static_cast<unsigned char>(text[0]);
  if (lead < 0x80) return CodePoint{lead, 1};
  const size_t bytes = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : 2;
  if (lead < 0xc2 || lead > 0xf4 || text.size() < bytes) return std::nullopt;
  char32_t value = lead & (0x7f >> bytes);
  for (size_t i = 1; i < bytes; ++i) {
    const auto next = static_cast<unsigned char>(text[i]);
    if ((next & 0xc0) != 0x80) return std::nullopt;
    value = value << 6 | (next & 0x3f);
  }
  const char32_t smallest = bytes == 2 ? 0x80 : bytes == 3 ? 0x800 : 0x10000;
  if (value < smallest || value > 0x10ffff || (value >= 0xd800 && value <= 0xdfff)) return std::nullopt;
  return CodePoint{value, bytes};
}

}  // namespace sut::cql

#endif  // SUT_CQL_UTF8_H_
