// The keys that plans use: few, so that operations collide, and awkward, so that encodings and bounds are tried.
//
// Every tablet has a small set of row keys and a set of counter keys apart, since an increment of a row that holds text
// is legal but only ever refused.

#ifndef HARNESS_PLAN_KEYS_H_
#define HARNESS_PLAN_KEYS_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "harness/plan/plan.pb.h"
#include "harness/plan/profile.h"
#include "sut/base/prng.h"
#include "sut/tablet/partition.h"

namespace holdfast::plan {

// Which hashes a tablet of a plan's table has. Tables with odd numbers have other bounds where the shape says so.
sut::HashRange RangeOf(const Shape& shape, uint32_t table, uint32_t tablet);
// The tablet of a plan's table in which a key lives.
uint32_t TabletOfKey(std::string_view key, const Shape& shape, uint32_t table);
// The same, of `tablets` with even bounds.
uint32_t TabletOfKey(std::string_view key, uint32_t tablets);

// Keys whose hash is the last or the first of a tablet, for tables of up to four tablets.
const std::vector<std::string>& KeysOnBounds();

class KeyPool {
 public:
  // Draws the keys of a plan; `rows` is how many a table has, about.
  KeyPool(const Shape& shape, Range rows, sut::Prng* random);

  // REQUIRES of both: the tablet exists.
  const std::string& Row(uint32_t table, uint32_t tablet, sut::Prng* random) const;
  const std::string& Counter(uint32_t table, uint32_t tablet, sut::Prng* random) const;

 private:
  struct TabletKeys {
    std::vector<std::string> rows;      // Invariant: not empty
    std::vector<std::string> counters;  // Invariant: not empty
  };
  const TabletKeys& Of(uint32_t table, uint32_t tablet) const {
    return tablets_[table * shape_.tablets_per_table() + tablet];
  }
  void FillTable(uint32_t table, uint64_t rows, sut::Prng* random);

  Shape shape_;
  std::vector<TabletKeys> tablets_;
};

}  // namespace holdfast::plan

#endif  // HARNESS_PLAN_KEYS_H_
