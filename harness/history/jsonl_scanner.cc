// What is rare in a history: escapes, and numbers with a sign or of 19 digits.
#include "harness/history/jsonl_scanner.h"

#include <algorithm>
#include <charconv>

namespace holdfast::history {

bool JsonlScanner::StringWithEscapes(std::string_view* text) {
  scratch_.clear();
  while (at_ < end_ && *at_ != '"') {
    if (*at_ != '\\') {
      scratch_ += *at_++;
    } else if (!Escape()) {
      return false;
    }
  }
  if (at_ == end_) return Fail("the line ends within a string");
  ++at_;
  *text = scratch_;
  return true;
}

bool JsonlScanner::AnyInteger(int64_t* number) {
  const auto [stop, error] = std::from_chars(at_, end_, *number);
  if (error != std::errc()) return Fail("a whole number of 64 bits is needed here");
  at_ = stop;
  return true;
}

bool JsonlScanner::Escape() {
  static constexpr std::string_view kLetters = "ntrbf\"\\/";
  static constexpr std::string_view kMeanings = "\n\t\r\b\f\"\\/";
  ++at_;
  if (at_ == end_) return Fail("the line ends within a string");
  const char c = *at_++;
  if (c == 'u') return UnicodeEscape();
  const size_t letter = kLetters.find(c);
  if (letter == std::string_view::npos) return Fail("unknown escape");
  scratch_ += kMeanings[letter];
  return true;
}

bool JsonlScanner::UnicodeEscape() {
  uint32_t code = 0;
  const char* const stop = at_ + std::min<std::ptrdiff_t>(4, end_ - at_);
  const auto [read, error] = std::from_chars(at_, stop, code, 16);
  if (error != std::errc() || read != at_ + 4) return Fail("\\u needs four hexadecimal digits");
  at_ = read;
  if (code >= 0x800) {
    scratch_ += static_cast<char>(0xE0 | (code >> 12));
    scratch_ += static_cast<char>(0x80 | ((code >> 6) & 0x3F));
  } else if (code > 0xFF) {
    scratch_ += static_cast<char>(0xC0 | (code >> 6));
  }
  scratch_ += static_cast<char>(code > 0xFF ? 0x80 | (code & 0x3F) : code);
  return true;
}

}  // namespace holdfast::history
