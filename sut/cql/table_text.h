// Results as cqlsh prints them: a header, a rule, values to the right, the number of rows.

#ifndef SUT_CQL_TABLE_TEXT_H_
#define SUT_CQL_TABLE_TEXT_H_

#include <string>
#include <string_view>
#include <vector>

#include "sut/cql/query.h"

namespace sut::cql {

std::string TableText(const ResultSet& result);

// The cells that a terminal needs for a text in UTF-8: two for wide characters, none for combining ones.
size_t DisplayWidth(std::string_view text);

// Names side by side, in columns that read downwards, as DESCRIBE lists them.
std::string ColumnsText(const std::vector<std::string>& names);

}  // namespace sut::cql

#endif  // SUT_CQL_TABLE_TEXT_H_
