// A cursor over one line of JSON: strings, whole numbers and punctuation, no more than histories need.
//
// The first failure sticks, with its column; every read is bounded by the line, but that kSlackBytes behind it may be
// looked at. Names of fields and of what they choose from are at most eight bytes and come as one number (Packed), so
// that telling them apart is a switch. Nothing is allocated, unless a string has escapes. One thread.
#ifndef HOLDFAST_HARNESS_HISTORY_JSONL_SCANNER_H_
#define HOLDFAST_HARNESS_HISTORY_JSONL_SCANNER_H_

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

#include "harness/history/text_source.h"

namespace holdfast::history {

static_assert(std::endian::native == std::endian::little, "the first byte of a packed name is its lowest");

// A short text as a number; 0 for the empty text and for what does not fit or could be taken for another text.
constexpr uint64_t Packed(std::string_view text) {
  if (text.empty() || text.size() > 8 || text.back() == '\0') return 0;
  uint64_t packed = 0;
  for (size_t i = text.size(); i-- > 0;) packed = (packed << 8) | static_cast<unsigned char>(text[i]);
  return packed;
}

class JsonlScanner {
 public:
  static constexpr size_t kSlackBytes = 8;

  // REQUIRES: kSlackBytes behind the line can be read; `scratch` outlives the scanner.
  JsonlScanner(std::string_view line, std::string* scratch)
      : begin_(line.data()), at_(line.data()), end_(line.data() + line.size()), scratch_(*scratch) {}

  bool Fail(const char* message) {
    if (message_ == nullptr) {
      message_ = message;
      failed_at_ = at_;
    }
    return false;
  }
  const char* message() const { return message_; }
  int64_t column() const { return (failed_at_ - begin_) + 1; }

  // The next character that is no blank; 0 at the end.
  char Peek() {
    while (at_ < end_ && (*at_ == ' ' || *at_ == '\t')) ++at_;
    return at_ < end_ ? *at_ : '\0';
  }
  bool Take(char c) {
    if (Peek() != c || at_ == end_) return false;
    ++at_;
    return true;
  }
  bool Expect(char c) { return Take(c) || Fail("unexpected character"); }
  // Exactly these bytes, or nothing is taken.
  template <size_t kSize>
  bool TakeBytes(const char (&bytes)[kSize]) {
    constexpr size_t kLength = kSize - 1;
    if (static_cast<size_t>(end_ - at_) < kLength || std::memcmp(at_, bytes, kLength) != 0) return false;
    at_ += kLength;
    return true;
  }
  bool AtEnd() { return Peek() == '\0' && at_ == end_; }
  bool TakeNull() {
    if (Peek() != 'n' || !std::string_view(at_, static_cast<size_t>(end_ - at_)).starts_with("null")) return false;
    at_ += 4;
    return true;
  }

  // The bytes of a string: a part of the line, or, if it has escapes, the scratch, until the next String.
  bool String(std::string_view* text) {
    if (!Expect('"')) return false;
    const char* stop = at_;
    while (stop < end_) {
      const uint64_t ends = EndsOfStrings(stop);
      if (ends == 0) {
        stop += 8;
        continue;
      }
      stop += std::countr_zero(ends) / 8;
      if (stop >= end_ || *stop == '\\') break;
      *text = std::string_view(at_, static_cast<size_t>(stop - at_));
      at_ = stop + 1;
      return true;
    }
    return StringWithEscapes(text);
  }

  // A string as a packed name; 0 if there is no such name.
  bool Name(uint64_t* packed) {
    if (Take('"')) {
      const uint64_t ends = EndsOfStrings(at_);
      const int length = std::countr_zero(ends) / 8;
      if (ends != 0 && length > 0 && end_ - at_ > length && at_[length] == '"' && at_[length - 1] != '\0') {
        uint64_t bytes = 0;
        std::memcpy(&bytes, at_, sizeof(bytes));
        *packed = bytes & (~uint64_t{0} >> (64 - 8 * length));
        at_ += length + 1;
        return true;
      }
      --at_;
    }
    std::string_view text;
    if (!String(&text)) return false;
    *packed = Packed(text);
    return true;
  }

  bool Integer(int64_t* number) {
    Peek();
    const char* stop = at_;
    uint64_t value = 0;
    // 18 digits fit; whatever is longer, or signed, or nothing, goes the careful way.
    while (stop < end_ && stop - at_ < 18 && *stop >= '0' && *stop <= '9') {
      value = value * 10 + static_cast<uint64_t>(*stop++ - '0');
    }
    if (stop == at_ || (stop < end_ && *stop >= '0' && *stop <= '9')) return AnyInteger(number);
    *number = static_cast<int64_t>(value);
    at_ = stop;
    return true;
  }

  bool Small(uint32_t* number) {
    int64_t value = 0;
    if (!Integer(&value)) return false;
    if (value < 0 || value > 0xFFFFFFFE) return Fail("a number of 32 bits is needed here");
    *number = static_cast<uint32_t>(value);
    return true;
  }

  // A string, or a number taken as it is written.
  bool StringOrNumber(std::string_view* text) {
    if (Peek() == '"') return String(text);
    const char* const start = at_;
    int64_t number = 0;
    if (!Integer(&number)) return false;
    *text = std::string_view(start, static_cast<size_t>(at_ - start));
    return true;
  }

  // True if the text is a part of the line, and so lives as long as that.
  bool Owns(std::string_view text) const { return begin_ <= text.data() && text.data() <= end_; }

 private:
  // The high bit of every byte among the next eight that is a quote or a backslash; bits above the lowest that is set
  // may be wrong (a borrow), the lowest is right.
  static uint64_t EndsOfStrings(const char* at) {
    constexpr uint64_t kOnes = 0x0101010101010101u;
    constexpr uint64_t kHighs = 0x8080808080808080u;
    uint64_t bytes = 0;
    std::memcpy(&bytes, at, sizeof(bytes));
    const uint64_t quotes = bytes ^ (kOnes * '"');
    const uint64_t backslashes = bytes ^ (kOnes * '\\');
    return (((quotes - kOnes) & ~quotes) | ((backslashes - kOnes) & ~backslashes)) & kHighs;
  }

  bool StringWithEscapes(std::string_view* text);
  bool AnyInteger(int64_t* number);
  bool Escape();
  bool UnicodeEscape();

  const char* const begin_;
  const char* at_;
  const char* const end_;
  const char* failed_at_ = nullptr;
  const char* message_ = nullptr;
  std::string& scratch_;
};

}  // namespace holdfast::history

#endif  // HOLDFAST_HARNESS_HISTORY_JSONL_SCANNER_H_
