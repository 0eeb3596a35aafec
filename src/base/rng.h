// Counter-based random numbers: draw i of stream (seed, stream) is a pure function, so a sample
// does not depend on what else is in its batch or in which order sequences are served. Source:
// SplitMix64 (Steele, Lea, Flood: "Fast splittable pseudorandom number generators", 2014).
#pragma once

#include <cstdint>

namespace whet {

constexpr uint64_t splitmix64(uint64_t x) {
  x += 0x9e3779b97f4a7c15u;
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
  x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
  return x ^ (x >> 31);
}

class CounterRng {
 public:
  constexpr CounterRng(uint64_t seed, uint64_t stream)
      : key_(splitmix64(splitmix64(seed) ^ (stream * 0xd1342543de82ef95u + 1))) {}

  constexpr uint64_t bits(uint64_t counter) const { return splitmix64(key_ ^ splitmix64(counter)); }
  /// Uniform in [0, 1) with 53 random bits.
  constexpr double uniform(uint64_t counter) const {
    return static_cast<double>(bits(counter) >> 11) * 0x1.0p-53;
  }

 private:
  uint64_t key_;
};

}  // namespace whet
