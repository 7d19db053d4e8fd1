// For tests: random statements of all kinds, and any statement as text.

#ifndef SUT_CQL_RANDOM_STATEMENTS_H_
#define SUT_CQL_RANDOM_STATEMENTS_H_

#include <string>

#include "sut/base/prng.h"
#include "sut/cql/statement.h"

namespace sut::cql {

// One that Parse may give: its names and texts have quotes, keywords and characters of other scripts in them.
Statement RandomStatement(Prng* random);

// Text that says the same; blanks, comments and the case of keywords are random.
std::string StatementText(const Statement& statement, Prng* random);

}  // namespace sut::cql

#endif  // SUT_CQL_RANDOM_STATEMENTS_H_
