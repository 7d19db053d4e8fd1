// Partition keys as yb-admin prints them: 16-bit hashes as C-escaped bytes, empty at both ends of the space.

#ifndef SUT_SERVER_PARTITION_TEXT_H_
#define SUT_SERVER_PARTITION_TEXT_H_

#include <string>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "sut/tablet/partition.h"

namespace sut {

inline std::string PartitionKeyText(uint32_t hash) {
  if (hash == 0 || hash == kHashSpace) return "";
  return absl::CEscape(std::string{static_cast<char>(hash >> 8), static_cast<char>(hash)});
}

inline std::string PartitionRangeText(HashRange range) {
  return absl::StrCat("partition_key_start: \"", PartitionKeyText(range.begin), "\" partition_key_end: \"",
                      PartitionKeyText(range.end), "\"");
}

}  // namespace sut

#endif  // SUT_SERVER_PARTITION_TEXT_H_
