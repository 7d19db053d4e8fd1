#include "harness/plan/keys.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "sut/base/check.h"
#include "sut/tablet/partition.h"

namespace holdfast::plan {
namespace {

using std::string_literals::operator""s;

// Empty, prefixes of one another, bytes that sort first and last, and what an encoding with terminators would trip on.
const std::vector<std::string>& AwkwardKeys() {
  static const auto* const kKeys = new std::vector<std::string>{
      "",     "a",        "aa",       "aaa",      "ab",      "b",
      "\0"s,  "\0\0"s,    "a\0"s,     "a\0b"s,    "a\0\0"s,  "\0a"s,
      "\xff", "\xff\xff", "a\xff",    "a\xff\0"s, "\x01",    "\x7f",
      "\x80", "r",        "m",        "q",        "%",       "key with blanks",
      "\n",   "snapshot", "a.b/../c", "\xc3\x28", "\xff\0"s, "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"};
  return *kKeys;
}

template <typename T>
const T& Pick(const std::vector<T>& values, sut::Prng* random) {
  return values[random->NextBelow(values.size())];
}

void AddDistinct(std::string key, std::vector<std::string>* keys) {
  if (std::find(keys->begin(), keys->end(), key) == keys->end()) keys->push_back(std::move(key));
}

}  // namespace

sut::HashRange RangeOf(const Shape& shape, uint32_t table, uint32_t tablet) {
  const uint32_t tablets = shape.tablets_per_table();
  sut::HashRange range = sut::TabletRange(tablet, tablets);
  if (!shape.uneven_tables() || table % 2 == 0) return range;
  const uint32_t shift = sut::kHashSpace / tablets / 3;
  if (tablet > 0) range.begin += shift;
  if (tablet + 1 < tablets) range.end += shift;
  return range;
}

uint32_t TabletOfKey(std::string_view key, const Shape& shape, uint32_t table) {
  const uint32_t hash = sut::PartitionHash(key);
  uint32_t tablet = 0;
  while (!RangeOf(shape, table, tablet).contains(hash)) ++tablet;
  return tablet;
}

uint32_t TabletOfKey(std::string_view key, uint32_t tablets) {
  const uint32_t hash = sut::PartitionHash(key);
  uint32_t tablet = static_cast<uint32_t>(uint64_t{hash} * tablets / sut::kHashSpace);
  // The bounds are rounded down, so that the guess may be one too low.
  while (!sut::TabletRange(tablet, tablets).contains(hash)) ++tablet;
  return tablet;
}

const std::vector<std::string>& KeysOnBounds() {
  // Found by search: hashes 0, 16383, 16384, 21844, 21845, 32767, 32768, 43689, 43690, 49151, 49152, 65535.
  static const auto* const kKeys =
      new std::vector<std::string>{"e3203",   "e347",   "e60600",  "e11664",  "e15421", "e60077",
                                   "e121917", "e72554", "e134969", "e166775", "e36606", "e58284"};
  return *kKeys;
}

KeyPool::KeyPool(const Shape& shape, Range rows, sut::Prng* random)
    : shape_(shape), tablets_(shape.tables() * shape.tablets_per_table()) {
  for (uint32_t table = 0; table < shape_.tables(); ++table) FillTable(table, Draw(rows, random), random);
}

void KeyPool::FillTable(uint32_t table, uint64_t rows, sut::Prng* random) {
  const uint32_t tablets = shape_.tablets_per_table();
  const auto of = [&](const std::string& key) -> TabletKeys& {
    return tablets_[table * tablets + TabletOfKey(key, shape_, table)];
  };
  for (uint64_t i = 0; i < rows; ++i) {
    const uint64_t kind = random->NextBelow(10);
    std::string key = kind < 4   ? Pick(AwkwardKeys(), random)
                      : kind < 6 ? Pick(KeysOnBounds(), random)
                                 : absl::StrCat("k", random->NextBelow(rows * 2));
    TabletKeys& keys = of(key);
    AddDistinct(std::move(key), &keys.rows);
  }
  for (uint32_t i = 0; i < tablets; ++i) {
    std::string key = absl::StrCat("n", random->NextBelow(100));
    TabletKeys& keys = of(key);
    AddDistinct(std::move(key), &keys.counters);
  }
  for (uint32_t tablet = 0; tablet < tablets; ++tablet) {
    TabletKeys& keys = tablets_[table * tablets + tablet];
    // The numbers of every range of hashes come up within a few tens of names, for 16 tablets too.
    for (int i = 0; keys.rows.empty() || keys.counters.empty(); ++i) {
      SUT_CHECK(i < 10'000, "a tablet without keys");
      std::string row = absl::StrCat("k", i);
      std::string counter = absl::StrCat("n", i);
      if (keys.rows.empty() && TabletOfKey(row, shape_, table) == tablet) keys.rows.push_back(std::move(row));
      if (keys.counters.empty() && TabletOfKey(counter, shape_, table) == tablet) {
        keys.counters.push_back(std::move(counter));
      }
    }
  }
}

const std::string& KeyPool::Row(uint32_t table, uint32_t tablet, sut::Prng* random) const {
  return Pick(Of(table, tablet).rows, random);
}

const std::string& KeyPool::Counter(uint32_t table, uint32_t tablet, sut::Prng* random) const {
  return Pick(Of(table, tablet).counters, random);
}

}  // namespace holdfast::plan
