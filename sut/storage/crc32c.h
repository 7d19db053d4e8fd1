// CRC-32C (Castagnoli polynomial, reflected 0x82f63b78), the checksum of the project's own records and snapshot files.
//
// Extend(Crc32c(a), b) == Crc32c(a + b). Thread rule: pure.

#ifndef SUT_STORAGE_CRC32C_H_
#define SUT_STORAGE_CRC32C_H_

#include <cstdint>
#include <string_view>

namespace sut {

uint32_t ExtendCrc32c(uint32_t crc, std::string_view bytes);
inline uint32_t Crc32c(std::string_view bytes) { return ExtendCrc32c(0, bytes); }

}  // namespace sut

#endif  // SUT_STORAGE_CRC32C_H_
