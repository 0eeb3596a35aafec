// The one clock of measurements: monotonic nanoseconds.
#pragma once

#include <chrono>
#include <cstdint>

namespace whet {

inline int64_t monotonic_ns() {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(
             std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

}  // namespace whet
