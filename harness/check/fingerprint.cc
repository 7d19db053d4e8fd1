#include "harness/check/fingerprint.h"

#include <cstring>

namespace holdfast::check {
namespace {

// Odd constants with well mixed bits: the fractional parts of the golden ratio and of the square roots of 2, 3 and 5.
constexpr uint64_t kSeedKey = 0x9E3779B97F4A7C15;
constexpr uint64_t kSeedValue = 0x6A09E667F3BCC909;
constexpr uint64_t kSeedLow = 0xBB67AE8584CAA73B;
constexpr uint64_t kSeedHigh = 0x3C6EF372FE94F82B;

// Both halves of the 128-bit product, folded: every input bit reaches every output bit.
uint64_t Fold(uint64_t a, uint64_t b) {
  const unsigned __int128 product = static_cast<unsigned __int128>(a) * b;
  return static_cast<uint64_t>(product) ^ static_cast<uint64_t>(product >> 64);
}

// Loads of fixed size compile to one instruction, which a copy of unknown length does not.
uint64_t Load8(const char* from) {
  uint64_t word = 0;
  std::memcpy(&word, from, 8);
  return word;
}

uint64_t Load4(const char* from) {
  uint32_t word = 0;
  std::memcpy(&word, from, 4);
  return word;
}

// Two independent lanes over the bytes, sixteen at a time.
struct Lanes {
  uint64_t low;
  uint64_t high;

  void Mix(uint64_t a, uint64_t b) {
    const uint64_t next_low = Fold(a ^ kSeedLow, b ^ low);
    high = Fold(b ^ kSeedHigh, a ^ high) + low;
    low = next_low;
  }
  // The length goes in, so that no padding and no overlap of loads can be mistaken for content.
  void Mix(std::string_view text) {
    low += text.size() * kSeedValue;
    high ^= text.size() * kSeedKey;
    const char* at = text.data();
    size_t left = text.size();
    for (; left > 16; at += 16, left -= 16) Mix(Load8(at), Load8(at + 8));
    uint64_t a = 0;
    uint64_t b = 0;
    if (left >= 8) {
      a = Load8(at);
      b = Load8(at + left - 8);
    } else if (left >= 4) {
      a = Load4(at) << 32 | Load4(at + left - 4);
    } else {
      for (size_t i = 0; i < left; ++i) a = a << 8 | static_cast<unsigned char>(at[i]);
    }
    Mix(a, b);
  }
};

Lanes HashRow(std::string_view key, std::string_view value) {
  Lanes lanes{kSeedKey, kSeedValue};
  lanes.Mix(key);
  lanes.Mix(value);
  return {Fold(lanes.low ^ kSeedHigh, lanes.high | 1), Fold(lanes.high ^ kSeedLow, lanes.low | 1)};
}

}  // namespace

void Fingerprint::Add(std::string_view key, std::string_view value) {
  const Lanes row = HashRow(key, value);
  low += row.low;
  high += row.high;
}

void Fingerprint::Remove(std::string_view key, std::string_view value) {
  const Lanes row = HashRow(key, value);
  low -= row.low;
  high -= row.high;
}

Fingerprint FingerprintOf(const Rows& rows) {
  Fingerprint sum;
  for (const auto& [key, value] : rows) sum.Add(key, value);
  return sum;
}

ReplicaDigest DigestOf(const ReplicaInspection& replica) {
  ReplicaDigest digest{FingerprintOf(replica.rows), FingerprintOf(replica.metadata), FingerprintOf(replica.books), {}};
  digest.snapshots.reserve(replica.snapshots.size());
  for (const SnapshotOnDisk& snapshot : replica.snapshots) digest.snapshots.push_back(FingerprintOf(snapshot.rows));
  return digest;
}

InspectionDigest DigestOf(const Inspection& inspection) {
  InspectionDigest digest;
  digest.reserve(inspection.replicas.size());
  for (const ReplicaInspection& replica : inspection.replicas) digest.push_back(DigestOf(replica));
  return digest;
}

}  // namespace holdfast::check
