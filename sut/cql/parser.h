// CQL statements from text, by recursive descent: each method of the parser is one rule of the grammar.
//
// Any bytes get a statement or a SyntaxException with the place; no rule calls itself, so the depth is bounded.

#ifndef SUT_CQL_PARSER_H_
#define SUT_CQL_PARSER_H_

#include <string_view>

#include "absl/status/statusor.h"
#include "sut/cql/statement.h"

namespace sut::cql {

// One statement; the semicolon may be missing.
absl::StatusOr<Statement> Parse(std::string_view text);

// Whether the word, in lower case, can be a name only in quotes.
bool IsReserved(std::string_view word);

}  // namespace sut::cql

#endif  // SUT_CQL_PARSER_H_
