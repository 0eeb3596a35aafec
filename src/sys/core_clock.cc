#include "sys/core_clock.h"

#include <algorithm>
#include <cstdint>

#include "base/clock.h"

namespace whet {

double dependent_multiplications_per_s() {
  constexpr int kTries = 5;
  constexpr int kLength = 100'000;
  int64_t best_ns = INT64_MAX;
  uint64_t x = 1;
  for (int t = 0; t < kTries; ++t) {
    const int64_t begin_ns = monotonic_ns();
    for (int i = 0; i < kLength; ++i) {
      x *= 0x9e3779b97f4a7c15;
      asm volatile("" : "+r"(x));  // each waits for the one before, and none is left out
    }
    best_ns = std::min(best_ns, monotonic_ns() - begin_ns);
  }
  return kLength * 1e9 / static_cast<double>(std::max<int64_t>(best_ns, 1));
}

}  // namespace whet
