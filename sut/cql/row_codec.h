// How the rows of a typed table lie in the tablets: each cell is one pair of key and value.
//
//   key     marker, partition key, group end, clustering key, group end, name of the column    (sut/tablet/typed_key.h)
//   value   version, the value; of a counter, the number in decimal, as the tablet's increments want it
//
// A row's cells lie side by side, and all rows of a partition in one tablet in the order of their clustering key, since
// encoded keys compare as their values do (the other way round in a descending column). As a cell is a pair of its own,
// setting some cells of a row is one write that reads nothing: two clients that set different cells, or increment the
// same one, never undo each other.
//
// A row is there as long as it has a cell. INSERT sets one more, without a name and before all others, so that a row of
// nothing but its key is there, too.

#ifndef SUT_CQL_ROW_CODEC_H_
#define SUT_CQL_ROW_CODEC_H_

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "sut/cql/schema.h"
#include "sut/cql/value.h"

namespace sut::cql {

// The name of the cell that INSERT adds.
inline constexpr std::string_view kRowMarker = "";

// What all keys begin with whose rows have these values in the first columns of the key.
// REQUIRES: at least the partition key, and no more than the key; of the columns' types.
std::string EncodeKeyPrefix(const Table& table, std::span<const Value> values);
// What the keys of a row's cells begin with, and of no other row's. REQUIRES: the whole key, of the columns' types.
std::string EncodeRowKey(const Table& table, std::span<const Value> values);
std::string CellKey(std::string_view row_key, std::string_view column);

struct CellKeyParts {
  std::string_view row_key;   // within the key that was decoded
  std::string_view column;    // likewise; kRowMarker for the row's own cell
  std::vector<Value> values;  // of the key's columns
};
// DataLoss if it is no key of this table.
absl::StatusOr<CellKeyParts> DecodeCellKey(const Table& table, std::string_view key);

// Of a column that is no counter, or of the marker, which has no value.
std::string EncodeCell(const std::optional<Value>& value);
// DataLoss if it is no value of that type.
absl::StatusOr<Value> DecodeCell(Type type, std::string_view bytes);

}  // namespace sut::cql

#endif  // SUT_CQL_ROW_CODEC_H_
