// The encoding of keys keeps their order and finds the tablet; what is damaged is noticed.

#include "sut/cql/row_codec.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <limits>

#include "sut/base/prng.h"
#include "sut/tablet/partition.h"

namespace sut::cql {
namespace {

using std::string_literals::operator""s;

constexpr Type kKeyTypes[] = {Type::kInt,   Type::kBigint, Type::kText,      Type::kBoolean, Type::kDouble,
                              Type::kFloat, Type::kBlob,   Type::kTimestamp, Type::kUuid};

template <typename T>
T Pick(Prng* random, const std::vector<T>& values) {
  return values[random->NextBelow(values.size())];
}

// Few and awkward ones, so that two of them are often equal, or one begins with the other.
std::string RandomBytes(Prng* random) {
  std::string out;
  for (uint64_t n = random->NextBelow(4); n > 0; --n) out.push_back(Pick<char>(random, {'\0', '\x01', 'a', '\x7f'}));
  return out;
}

int64_t RandomInt(Prng* random) {
  return Pick<int64_t>(random, {0, 1, -1, 255, 256, -256, static_cast<int64_t>(random->Next()),
                                std::numeric_limits<int64_t>::min(), std::numeric_limits<int64_t>::max()});
}

double RandomDouble(Prng* random) {
  return Pick<double>(random, {0.0, -0.0, 1.5, -1.5, 1e-300, -1e300, std::numeric_limits<double>::infinity(),
                               std::numeric_limits<double>::quiet_NaN(), static_cast<double>(RandomInt(random))});
}

Value RandomValue(Prng* random, Type type) {
  switch (type) {
    case Type::kInt:
      return static_cast<int32_t>(RandomInt(random));
    case Type::kText:
      return RandomBytes(random);
    case Type::kBoolean:
      return random->OneIn(2);
    case Type::kDouble:
      return RandomDouble(random);
    case Type::kFloat:
      return static_cast<float>(RandomDouble(random));
    case Type::kBlob:
      return Blob{RandomBytes(random) + Pick<std::string>(random, {"", "\xff", "\xc1"})};
    case Type::kTimestamp:
      return Timestamp{RandomInt(random)};
    case Type::kUuid:
      return UuidValue{random->NextBelow(2), random->Next() << 56};
    default:
      return RandomInt(random);
  }
}

Table RandomTable(Prng* random) {
  Table table;
  table.name = {"ks", "t"};
  table.partition_columns = 1 + random->NextBelow(2);
  table.clustering_columns = random->NextBelow(3);
  for (size_t i = 0; i < table.key_columns(); ++i) {
    const bool descending = !table.IsPartition(i) && random->OneIn(2);
    table.columns.push_back({"k" + std::to_string(i), kKeyTypes[random->NextBelow(std::size(kKeyTypes))], descending});
  }
  table.columns.push_back({.name = "v", .type = Type::kText});
  return table;
}

std::vector<Value> RandomKey(Prng* random, const Table& table) {
  std::vector<Value> key;
  for (size_t i = 0; i < table.key_columns(); ++i) key.push_back(RandomValue(random, table.columns[i].type));
  return key;
}

std::strong_ordering CompareKeys(const Table& table, const std::vector<Value>& a, const std::vector<Value>& b) {
  for (size_t i = 0; i < a.size(); ++i) {
    const auto order = Compare(a[i], b[i]);
    if (order != 0) return table.columns[i].descending ? 0 <=> order : order;
  }
  return std::strong_ordering::equal;
}

RC_GTEST_PROP(RowCodecProperty, EncodedKeysCompareAsTheirValuesDo, (uint64_t seed)) {
  Prng random(seed);
  const Table table = RandomTable(&random);
  const auto a = RandomKey(&random, table);
  const auto b = random.OneIn(4) ? a : RandomKey(&random, table);
  const std::string left = EncodeRowKey(table, a), right = EncodeRowKey(table, b);
  const bool same_order = (left.compare(right) <=> 0) == CompareKeys(table, a, b);
  RC_ASSERT(same_order);
  // No row's key is the beginning of another's, so that the cells of a row are side by side.
  RC_ASSERT(left == right || !left.starts_with(right));
}

RC_GTEST_PROP(RowCodecProperty, KeysAreReadAsTheyWereWritten, (uint64_t seed)) {
  Prng random(seed);
  const Table table = RandomTable(&random);
  const auto key = RandomKey(&random, table);
  const std::string row_key = EncodeRowKey(table, key);
  const std::string column = Pick<std::string>(&random, {"", "v", "\0\0"s, "\xc1"});
  const std::string cell_key = CellKey(row_key, column);
  const auto parts = DecodeCellKey(table, cell_key);
  RC_ASSERT(parts.ok());
  RC_ASSERT(parts->row_key == row_key);
  RC_ASSERT(parts->column == column);
  RC_ASSERT(std::is_eq(CompareKeys(table, parts->values, key)));
}

RC_GTEST_PROP(RowCodecProperty, RowsOfAPartitionLieInOneTablet, (uint64_t seed)) {
  Prng random(seed);
  const Table table = RandomTable(&random);
  const auto a = RandomKey(&random, table);
  auto b = RandomKey(&random, table);
  std::copy_n(a.begin(), table.partition_columns, b.begin());
  const std::string one = CellKey(EncodeRowKey(table, a), ""), other = CellKey(EncodeRowKey(table, b), "v");
  RC_ASSERT(PartitionHash(one) == PartitionHash(other));
  const std::string prefix = EncodeKeyPrefix(table, std::span(a).first(table.partition_columns));
  RC_ASSERT(PartitionPart(one) == prefix);
  RC_ASSERT(HasTypedPartition(prefix));
  RC_ASSERT(PartitionHash(prefix) == PartitionHash(one));
  RC_ASSERT(other.starts_with(prefix));
}

RC_GTEST_PROP(RowCodecProperty, RandomBytesAreNoKeyOrOneThatIsWrittenTheSameWay, (uint64_t seed)) {
  Prng random(seed);
  const Table table = RandomTable(&random);
  std::string bytes = CellKey(EncodeRowKey(table, RandomKey(&random, table)), "v");
  for (uint64_t damages = 1 + random.NextBelow(3); damages > 0; --damages) {
    bytes[random.NextBelow(bytes.size())] = static_cast<char>(random.NextBelow(256));
  }
  if (random.OneIn(3)) bytes.resize(random.NextBelow(bytes.size()));
  const auto parts = DecodeCellKey(table, bytes);
  if (!parts.ok()) return;
  for (const Value& value : parts->values) {
    // All NaNs are written as one.
    if (ValueText(value) == "NaN") return;
  }
  RC_ASSERT(CellKey(EncodeRowKey(table, parts->values), parts->column) == bytes);
}

TEST(RowCodecTest, OtherKeysAreHashedWhole) {
  for (const std::string& key : {""s, "a"s, "\0\0"s, "k\0\0z"s, "\xc1"s, "\xc1\0\x01"s, "\xc1z"s}) {
    EXPECT_EQ(PartitionPart(key), key);
    EXPECT_FALSE(HasTypedPartition(key));
  }
  EXPECT_EQ(PartitionPart("\xc1z\0\0rest"s), "\xc1z\0\0"s);
}

TEST(RowCodecTest, CellsAreReadAsTheyWereWritten) {
  Prng random(1);
  for (const Type type : kKeyTypes) {
    const Value value = RandomValue(&random, type);
    const auto read = DecodeCell(type, EncodeCell(value));
    ASSERT_TRUE(read.ok()) << read.status();
    EXPECT_TRUE(Compare(*read, value) == 0) << TypeName(type);
  }
  EXPECT_EQ(*DecodeCell(Type::kCounter, "-12"), Value(int64_t{-12}));
}

TEST(RowCodecTest, ADamagedCellIsNoticed) {
  const std::string five = EncodeCell(Value(int32_t{5}));
  EXPECT_TRUE(absl::IsDataLoss(DecodeCell(Type::kBigint, five).status()));
  EXPECT_TRUE(absl::IsDataLoss(DecodeCell(Type::kInt, five.substr(0, 4)).status()));
  EXPECT_TRUE(absl::IsDataLoss(DecodeCell(Type::kInt, "").status()));
  EXPECT_TRUE(absl::IsDataLoss(DecodeCell(Type::kInt, "\x02" + five.substr(1)).status())) << "of a later version";
  EXPECT_TRUE(absl::IsDataLoss(DecodeCell(Type::kText, "\x01\xff").status()));
  EXPECT_TRUE(absl::IsDataLoss(DecodeCell(Type::kCounter, "007").status()));
}

}  // namespace
}  // namespace sut::cql
