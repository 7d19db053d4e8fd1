// The parser's hand on the tokens: takes them one by one, and names, constants and numbers as a whole.
//
// Methods that return a bool say whether what they look for was there. Accept takes it if so; the others also keep, in
// `error`, the first place that did not fit.

#ifndef SUT_CQL_TOKEN_READER_H_
#define SUT_CQL_TOKEN_READER_H_

#include <algorithm>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "sut/cql/errors.h"
#include "sut/cql/lexer.h"
#include "sut/cql/parser.h"
#include "sut/cql/statement.h"

namespace sut::cql {

class TokenReader {
 public:
  using Kind = Token::Kind;

  // REQUIRES: the last token, and only that one, is the end.
  explicit TokenReader(std::vector<Token> tokens) : tokens_(std::move(tokens)) {}

  const absl::Status& error() const { return error_; }
  void Skip() { ++at_; }

  // Names and constants.

  bool Name(std::string* out) {
    const Token& token = Peek();
    if (token.kind == Kind::kQuotedName && token.text.empty()) return Fail("an empty name");
    const bool name = token.kind == Kind::kQuotedName || (token.kind == Kind::kWord && !IsReserved(token.text));
    if (!name) return Unexpected("a name");
    *out = token.text;
    Skip();
    return true;
  }

  bool Names(std::vector<std::string>* out) {
    do {
      if (!Name(&out->emplace_back())) return false;
    } while (AcceptSymbol(","));
    return true;
  }

  bool Table(TableName* out) {
    if (!Name(&out->name)) return false;
    if (!AcceptSymbol(".")) return true;
    out->keyspace = std::move(out->name);
    return Name(&out->name);
  }

  bool Constant(Literal* out) {
    const bool negative = AcceptSymbol("-");
    const Token& token = Peek();
    out->text = token.text;
    switch (token.kind) {
      case Kind::kInteger:
        out->kind = Literal::Kind::kInteger;
        break;
      case Kind::kFloat:
        out->kind = Literal::Kind::kFloat;
        break;
      case Kind::kWord:
        if (!ConstantWord(token.text, out)) return Unexpected("a constant");
        break;
      case Kind::kString:
        out->kind = Literal::Kind::kString;
        break;
      case Kind::kHex:
        out->kind = Literal::Kind::kHex;
        break;
      case Kind::kUuid:
        out->kind = Literal::Kind::kUuid;
        break;
      default:
        return Unexpected("a constant");
    }
    const bool number = out->kind == Literal::Kind::kInteger || out->kind == Literal::Kind::kFloat;
    if (negative && !number) return Unexpected("a number");
    if (negative) out->text = absl::StrCat("-", out->text);
    Skip();
    return true;
  }

  static bool ConstantWord(const std::string& word, Literal* out) {
    if (word == "true" || word == "false") {
      out->kind = Literal::Kind::kBoolean;
    } else if (word == "nan" || word == "infinity") {
      out->kind = Literal::Kind::kFloat;
    } else if (word == "null") {
      *out = Literal();
    } else {
      return false;
    }
    return true;
  }

  bool Integer(int64_t* out) {
    const bool negative = AcceptSymbol("-");
    if (Peek().kind != Kind::kInteger) return Unexpected("an integer");
    if (!absl::SimpleAtoi(absl::StrCat(negative ? "-" : "", Peek().text), out)) return Fail("the number is too large");
    Skip();
    return true;
  }

  // Tokens.

  const Token& Peek() const { return tokens_[at_]; }
  const Token& PeekNext() const { return tokens_[std::min(at_ + 1, tokens_.size() - 1)]; }
  bool IsWord(std::string_view word) const { return Peek().kind == Kind::kWord && Peek().text == word; }
  bool AcceptWord(std::string_view word) {
    const bool found = IsWord(word);
    if (found) Skip();
    return found;
  }
  bool AcceptSymbol(std::string_view symbol) {
    const bool found = Peek().kind == Kind::kSymbol && Peek().text == symbol;
    if (found) Skip();
    return found;
  }
  bool ExpectWord(std::string_view word) {
    return AcceptWord(word) || Unexpected(absl::AsciiStrToUpper(std::string(word)));
  }
  bool ExpectSymbol(std::string_view symbol) {
    return AcceptSymbol(symbol) || Unexpected(absl::StrCat("'", std::string(symbol), "'"));
  }

  // The token as an error names it: in one line, and not all of a long text.
  std::string Shown() const {
    constexpr size_t kShownMax = 40;
    const std::string& source = Peek().source;
    const std::string cut = source.size() > kShownMax ? source.substr(0, kShownMax) + "..." : source;
    return absl::StrCat("'", absl::Utf8SafeCEscape(cut), "'");
  }
  bool Unexpected(const std::string& wanted) {
    if (wanted.empty()) return Fail(absl::StrCat("no viable alternative at input ", Shown()));
    return Fail(absl::StrCat("mismatched input ", Shown(), " expecting ", wanted));
  }
  bool Fail(const std::string& what) {
    if (error_.ok()) error_ = SyntaxException(Peek().position, what);
    return false;
  }

 private:
  // Invariant: the last one is the end, which no rule takes.
  const std::vector<Token> tokens_;
  size_t at_ = 0;
  absl::Status error_;
};

}  // namespace sut::cql

#endif  // SUT_CQL_TOKEN_READER_H_
