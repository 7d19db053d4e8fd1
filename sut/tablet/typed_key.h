// How the key of a row of typed columns shows which part of it decides the tablet.
//
//   marker, component*, group end, component*, group end, rest
//
// The first group is the partition key: rows that have it in common lie in one tablet, so that one write can change all
// of them as one. Within a group a zero byte is always followed by one that tells what it means, so that the first two
// zero bytes in a row are the end of the first group, whatever the types are. What fills the groups is sut/cql's
// affair.
//
// Any other key is a plain one, all of which decides. A plain key may happen to look like a typed one: then a part of
// it decides, which is as good, since all that matters is that everybody takes the same part.

#ifndef SUT_TABLET_TYPED_KEY_H_
#define SUT_TABLET_TYPED_KEY_H_

#include <string_view>

namespace sut {

inline constexpr char kTypedKeyMarker = '\xc1';  // no text in UTF-8 has this byte
inline constexpr std::string_view kKeyGroupEnd("\0\0", 2);
inline constexpr std::string_view kKeyComponentEnd("\0\x01", 2);
inline constexpr std::string_view kKeyZeroByte("\0\xff", 2);

// Whether the key is a typed one, or the beginning of one, with a whole partition part.
constexpr bool HasTypedPartition(std::string_view key) {
  return !key.empty() && key.front() == kTypedKeyMarker && key.find(kKeyGroupEnd, 1) != std::string_view::npos;
}

// The part of the key that decides its tablet.
constexpr std::string_view PartitionPart(std::string_view key) {
  return HasTypedPartition(key) ? key.substr(0, key.find(kKeyGroupEnd, 1) + kKeyGroupEnd.size()) : key;
}

}  // namespace sut

#endif  // SUT_TABLET_TYPED_KEY_H_
