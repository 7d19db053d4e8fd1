// The words of CQL, and where a statement ends.
//
// Both take any bytes and never fail otherwise than by an error: what the user types is not to be trusted.

#ifndef SUT_CQL_LEXER_H_
#define SUT_CQL_LEXER_H_

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "sut/cql/errors.h"

namespace sut::cql {

struct Token {
  enum class Kind { kWord, kQuotedName, kString, kInteger, kFloat, kHex, kUuid, kSymbol, kEnd };
  Kind kind = Kind::kEnd;
  // A word in lower case, a name or a string without its quotes; otherwise as it stands in the statement.
  std::string text;
  std::string source;  // as it stands in the statement; "<EOF>" at the end
  Position position;
};

// Ends with a token of kind kEnd. A SyntaxException names the first place that is no token.
absl::StatusOr<std::vector<Token>> Lex(std::string_view text);

// One past the semicolon that ends the first statement; none if there is no such semicolon yet.
std::optional<size_t> StatementEnd(std::string_view text);
// How many bytes of blanks, comments and semicolons are before the first statement. A comment without an end
// is not among them.
size_t BlanksEnd(std::string_view text);

}  // namespace sut::cql

#endif  // SUT_CQL_LEXER_H_
