#include "sut/cql/lexer.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"

namespace sut::cql {
namespace {

using Kind = Token::Kind;

bool IsWordCharacter(char c) { return absl::ascii_isalnum(c) || c == '_'; }
bool StartsAt(std::string_view text, size_t at, std::string_view what) { return text.substr(at, what.size()) == what; }

// One past the comment that begins at `at`; `at` if none does.
size_t SkipComment(std::string_view text, size_t at) {
  if (StartsAt(text, at, "--") || StartsAt(text, at, "//")) return std::min(text.find('\n', at), text.size());
  if (!StartsAt(text, at, "/*")) return at;
  const size_t end = text.find("*/", at + 2);
  return end == text.npos ? text.npos : end + 2;
}

// One past the quoted text that begins at `at`, npos if it does not end; `at` if none begins there.
size_t SkipQuoted(std::string_view text, size_t at) {
  if (StartsAt(text, at, "$$")) {
    const size_t end = text.find("$$", at + 2);
    return end == text.npos ? text.npos : end + 2;
  }
  const char quote = text[at];
  if (quote != '\'' && quote != '"') return at;
  for (size_t end = text.find(quote, at + 1); end != text.npos; end = text.find(quote, end + 2)) {
    if (end + 1 >= text.size() || text[end + 1] != quote) return end + 1;
  }
  return text.npos;
}

size_t SkipDigits(std::string_view text, size_t at) {
  while (at < text.size() && absl::ascii_isdigit(text[at])) ++at;
  return at;
}

// 8-4-4-4-12 hex digits, and nothing that goes on.
bool IsUuidAt(std::string_view text, size_t at) {
  constexpr size_t kLength = 36;
  if (text.size() - at < kLength) return false;
  for (size_t i = 0; i < kLength; ++i) {
    const bool dash = i == 8 || i == 13 || i == 18 || i == 23;
    if (dash ? text[at + i] != '-' : !absl::ascii_isxdigit(text[at + i])) return false;
  }
  return at + kLength == text.size() || !IsWordCharacter(text[at + kLength]);
}

class Lexer {
 public:
  explicit Lexer(std::string_view text) : text_(text) {}

  absl::StatusOr<std::vector<Token>> Run() {
    while (SkipSpace() && at_ < text_.size()) {
      if (!Next()) return Error();
    }
    if (at_ != text_.size()) return Error();
    tokens_.push_back({Kind::kEnd, "", "<EOF>", position_});
    return std::move(tokens_);
  }

 private:
  // False in a comment without an end.
  bool SkipSpace() {
    while (at_ < text_.size()) {
      const size_t end = absl::ascii_isspace(text_[at_]) ? at_ + 1 : SkipComment(text_, at_);
      if (end == text_.npos) return false;
      if (end == at_) return true;
      MoveTo(end);
    }
    return true;
  }

  // False if no token begins here.
  bool Next() {
    const char c = text_[at_];
    if (const size_t end = SkipQuoted(text_, at_); end != at_) return end != text_.npos && AddQuoted(end);
    if (IsUuidAt(text_, at_)) return Add(Kind::kUuid, at_ + 36);
    if (absl::ascii_isdigit(c)) return AddNumber();
    if (absl::ascii_isalpha(c)) return Add(Kind::kWord, WordEnd(at_));
    for (const std::string_view symbol : {"<=", ">=", "!="}) {
      if (StartsAt(text_, at_, symbol)) return Add(Kind::kSymbol, at_ + symbol.size());
    }
    return std::string_view("(),.;=<>*+-{}:[]?").find(c) != std::string_view::npos && Add(Kind::kSymbol, at_ + 1);
  }

  bool AddQuoted(size_t end) {
    const bool dollars = text_[at_] == '$';
    const std::string quote(1, text_[at_]);
    const Kind kind = quote == "\"" ? Kind::kQuotedName : Kind::kString;
    const size_t width = dollars ? 2 : 1;
    std::string inner(text_.substr(at_ + width, end - at_ - 2 * width));
    if (!dollars) inner = absl::StrReplaceAll(inner, {{quote + quote, quote}});
    return Add(kind, end, std::move(inner));
  }

  bool AddNumber() {
    if (StartsAt(text_, at_, "0x") || StartsAt(text_, at_, "0X")) {
      const size_t end = WordEnd(at_);
      const std::string_view digits = text_.substr(at_ + 2, end - at_ - 2);
      return std::all_of(digits.begin(), digits.end(), absl::ascii_isxdigit) && Add(Kind::kHex, end);
    }
    size_t end = SkipDigits(text_, at_);
    Kind kind = Kind::kInteger;
    if (end < text_.size() && text_[end] == '.') {
      kind = Kind::kFloat;
      end = SkipDigits(text_, end + 1);
    }
    if (end < text_.size() && (text_[end] == 'e' || text_[end] == 'E')) {
      const size_t sign = end + 1 < text_.size() && (text_[end + 1] == '+' || text_[end + 1] == '-') ? 1 : 0;
      const size_t exponent_end = SkipDigits(text_, end + 1 + sign);
      if (exponent_end == end + 1 + sign) return false;
      kind = Kind::kFloat;
      end = exponent_end;
    }
    // "12ab" is neither a number nor a name.
    return (end == text_.size() || !IsWordCharacter(text_[end])) && Add(kind, end);
  }

  size_t WordEnd(size_t at) const {
    while (at < text_.size() && IsWordCharacter(text_[at])) ++at;
    return at;
  }

  bool Add(Kind kind, size_t end) {
    std::string text(text_.substr(at_, end - at_));
    if (kind == Kind::kWord) text = absl::AsciiStrToLower(text);
    return Add(kind, end, std::move(text));
  }
  bool Add(Kind kind, size_t end, std::string text) {
    tokens_.push_back({kind, std::move(text), std::string(text_.substr(at_, end - at_)), position_});
    MoveTo(end);
    return true;
  }

  void MoveTo(size_t end) {
    for (; at_ < end; ++at_) {
      // A code point counts once, by its first byte.
      const bool continues = (static_cast<unsigned char>(text_[at_]) & 0xc0) == 0x80;
      if (text_[at_] == '\n') {
        position_ = {position_.line + 1, 0};
      } else if (!continues) {
        ++position_.column;
      }
    }
  }

  absl::Status Error() const {
    const char c = text_[at_];
    if (c == '\'' || c == '"' || c == '$')
      return SyntaxException(position_, "the quoted text that begins here has no end");
    if (StartsAt(text_, at_, "/*")) return SyntaxException(position_, "the comment that begins here has no end");
    if (absl::ascii_isdigit(c)) return SyntaxException(position_, "no number, blob or UUID begins like this");
    if (absl::ascii_isprint(c)) {
      return SyntaxException(position_, absl::StrCat("no viable alternative at character '", std::string(1, c), "'"));
    }
    return SyntaxException(position_, "a character that is not printable, or not ASCII, outside quotes");
  }

  const std::string_view text_;
  size_t at_ = 0;
  Position position_;
  std::vector<Token> tokens_;
};

// One past the quoted text or comment that begins at `at`, npos if it does not end; `at` if none begins there.
size_t SkipOpaque(std::string_view text, size_t at) {
  const size_t end = SkipQuoted(text, at);
  return end != at ? end : SkipComment(text, at);
}

}  // namespace

absl::StatusOr<std::vector<Token>> Lex(std::string_view text) { return Lexer(text).Run(); }

std::optional<size_t> StatementEnd(std::string_view text) {
  size_t at = 0;
  while (at < text.size()) {
    if (text[at] == ';') return at + 1;
    const size_t end = SkipOpaque(text, at);
    if (end == text.npos) return std::nullopt;
    at = std::max(end, at + 1);
  }
  return std::nullopt;
}

size_t BlanksEnd(std::string_view text) {
  size_t at = 0;
  while (at < text.size()) {
    const size_t end = absl::ascii_isspace(text[at]) || text[at] == ';' ? at + 1 : SkipComment(text, at);
    if (end == at || end == text.npos) break;
    at = end;
  }
  return at;
}

}  // namespace sut::cql
