// Errors in the words of cqlsh: a status whose message is the whole line that the user sees.
//
//   SyntaxException: line 1:7 no viable alternative at input 'fro'
//   InvalidRequest: Error from server: code=2200 [Invalid query] message="unconfigured table t"

#ifndef SUT_CQL_ERRORS_H_
#define SUT_CQL_ERRORS_H_

#include <string_view>

#include "absl/status/status.h"

namespace sut::cql {

// Within one statement: lines count from 1 and columns from 0, as users of CQL know them.
struct Position {
  int line = 1;
  int column = 0;
};

absl::Status SyntaxException(const Position& position, std::string_view what);
absl::Status InvalidRequest(std::string_view what);
absl::Status ConfigurationException(std::string_view what);
// `what`: "Keyspace 'ks'" or "Table 'ks.t'".
absl::Status AlreadyExists(std::string_view what);

// What a store could not do, as such a line. REQUIRES: !status.ok().
absl::Status FromStore(const absl::Status& status);

}  // namespace sut::cql

#endif  // SUT_CQL_ERRORS_H_
