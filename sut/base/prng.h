// Randomness that replays: a stateless mixing hash, and a small generator for where a stream is wanted.
//
// What decides an effect in the simulator is drawn from Mix(seed, identity...), never from a shared stream, so that
// leaving out one step of a plan does not reshuffle the draws of all others.

#ifndef SUT_BASE_PRNG_H_
#define SUT_BASE_PRNG_H_

#include <cstdint>
#include <initializer_list>
#include <string_view>

namespace sut {

// The finalizer of SplitMix64 (Steele, Lea and Flood, "Fast splittable pseudorandom number generators", 2014).
constexpr uint64_t MixBits(uint64_t x) {
  x += 0x9e3779b97f4a7c15ull;
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9ull;
  x = (x ^ (x >> 27)) * 0x94d049bb133111ebull;
  return x ^ (x >> 31);
}

// A uniform 64-bit value that depends on every part and on their order.
constexpr uint64_t Mix(std::initializer_list<uint64_t> parts) {
  uint64_t hash = 0x8422d8f2a2d6d3c5ull;
  for (const uint64_t part : parts) hash = MixBits(hash ^ part) + 0x632be59bd9b4e019ull;
  return MixBits(hash);
}

// Mixes bytes; used for fingerprints of content, where only accidents, no adversary, must be told apart.
constexpr uint64_t MixString(std::string_view bytes, uint64_t seed = 0) {
  uint64_t hash = MixBits(seed ^ bytes.size());
  uint64_t word = 0;
  int filled = 0;
  for (const char c : bytes) {
    word = word << 8 | static_cast<unsigned char>(c);
    if (++filled == 8) {
      hash = MixBits(hash ^ word);
      word = 0;
      filled = 0;
    }
  }
  return MixBits(hash ^ word ^ (static_cast<uint64_t>(filled) << 56));
}

// A draw from [0, bound); the bias of the modulus is below 2^-32 for the small bounds used here. REQUIRES: bound > 0.
constexpr uint64_t Below(uint64_t random, uint64_t bound) {
  return static_cast<uint64_t>((static_cast<unsigned __int128>(random) * bound) >> 64);
}

// SplitMix64 as a stream. Not thread safe.
class Prng {
 public:
  explicit constexpr Prng(uint64_t seed) : state_(seed) {}
  constexpr uint64_t Next() { return MixBits(state_++ * 0x9e3779b97f4a7c15ull ^ 0xd1b54a32d192ed03ull); }
  // REQUIRES: bound > 0.
  constexpr uint64_t NextBelow(uint64_t bound) { return Below(Next(), bound); }
  // True once in `denominator` draws, on average. REQUIRES: denominator > 0.
  constexpr bool OneIn(uint64_t denominator) { return NextBelow(denominator) == 0; }

 private:
  uint64_t state_;
};

}  // namespace sut

#endif  // SUT_BASE_PRNG_H_
