#include "sut/base/ids.h"

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"

namespace sut {
namespace {

void AppendBigEndian(uint64_t value, std::string* out) {
  for (int shift = 56; shift >= 0; shift -= 8) out->push_back(static_cast<char>(value >> shift));
}

int HexDigit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  return -1;
}

}  // namespace

std::string UuidBytes(uint64_t hi, uint64_t lo) {
  std::string out;
  out.reserve(16);
  AppendBigEndian(hi, &out);
  AppendBigEndian(lo, &out);
  return out;
}

std::string UuidHex(uint64_t hi, uint64_t lo) {
  return absl::StrCat(absl::Hex(hi, absl::kZeroPad16), absl::Hex(lo, absl::kZeroPad16));
}

absl::StatusOr<std::pair<uint64_t, uint64_t>> ParseUuidBytes(std::string_view bytes) {
  if (bytes.size() != 16) return absl::InvalidArgumentError(absl::StrCat("id of ", bytes.size(), " bytes, want 16"));
  uint64_t parts[2] = {0, 0};
  for (int i = 0; i < 16; ++i) parts[i / 8] = parts[i / 8] << 8 | static_cast<unsigned char>(bytes[i]);
  return std::pair(parts[0], parts[1]);
}

absl::StatusOr<std::pair<uint64_t, uint64_t>> ParseUuidHex(std::string_view hex) {
  if (hex.size() != 32) return absl::InvalidArgumentError("id is not 32 hex digits");
  uint64_t parts[2] = {0, 0};
  for (int i = 0; i < 32; ++i) {
    const int digit = HexDigit(hex[i]);
    if (digit < 0) return absl::InvalidArgumentError("id is not 32 lower-case hex digits");
    parts[i / 16] = parts[i / 16] << 4 | static_cast<uint64_t>(digit);
  }
  return std::pair(parts[0], parts[1]);
}

std::string ToString(const OpId& op) { return absl::StrCat(op.term.value, ".", op.index.value); }

}  // namespace sut
