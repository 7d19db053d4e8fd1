// Hash partitioning: a key's 16-bit hash says which tablet of its table it lives in. Of a typed key only the partition
// part is hashed (typed_key.h), so that the rows of a partition lie together.

#ifndef SUT_TABLET_PARTITION_H_
#define SUT_TABLET_PARTITION_H_

#include <cstdint>
#include <string>
#include <string_view>

#include "sut/base/prng.h"
#include "sut/storage/tablet_store.h"
#include "sut/tablet/typed_key.h"

namespace sut {

inline constexpr uint32_t kHashSpace = 65536;

// [begin, end) within [0, kHashSpace).
struct HashRange {
  uint32_t begin = 0;
  uint32_t end = kHashSpace;
  bool contains(uint32_t hash) const { return begin <= hash && hash < end; }
  friend bool operator==(const HashRange&, const HashRange&) = default;
};

inline uint32_t PartitionHash(std::string_view key) {
  return static_cast<uint32_t>(MixString(PartitionPart(key)) >> 48);
}

// The store key of a row: rows of a tablet lie in the order of hash, then key.
inline std::string RowStoreKey(std::string_view key) {
  const uint32_t hash = PartitionHash(key);
  std::string out;
  out.reserve(3 + key.size());
  out.push_back(static_cast<char>(KeySpace::kRow));
  out.push_back(static_cast<char>(hash >> 8));
  out.push_back(static_cast<char>(hash));
  out.append(key);
  return out;
}

// The user's key in a row's store key. REQUIRES: made by RowStoreKey.
inline std::string_view RowUserKey(std::string_view store_key) { return store_key.substr(3); }

// The ranges of a table cut into `tablets` (1..kHashSpace) as even as can be.
inline HashRange TabletRange(uint32_t ordinal, uint32_t tablets) {
  return {static_cast<uint32_t>(uint64_t{kHashSpace} * ordinal / tablets),
          static_cast<uint32_t>(uint64_t{kHashSpace} * (ordinal + 1) / tablets)};
}

}  // namespace sut

#endif  // SUT_TABLET_PARTITION_H_
