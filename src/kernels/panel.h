// Panels: kLanes rows of W by 256 columns, expanded to one byte per weight with lanes = rows, so
// that the micro-kernels need no horizontal sums. A panel lives in L1 between unpack and use.
#pragma once

#include "kernels/simd.h"

namespace whet::kernels {
namespace {

/// K-quants: weight = d * scale[group] * (code - offset) - d_min * min[group].
template <class S>
struct Panel256 {
  alignas(64) uint8_t codes[64][4 * S::kLanes];  // [column / 4][row][column % 4]
  int32_t scales[16][S::kLanes];                 // in the policy's form for mul_scale()
  int32_t mins[8][S::kLanes];                    // int16 pairs, for madd16()
  float d[S::kLanes];
  float d_min[S::kLanes];
};

/// 32-blocks: weight = d[group] * (code - offset) + m[group].
template <class S>
struct Panel32 {
  alignas(64) uint8_t codes[64][4 * S::kLanes];
  float d[8][S::kLanes];
  float m[8][S::kLanes];
};

/// Where the rows of a panel lie, and what to prefetch while they are read.
struct PanelSource {
  const uint8_t* rows;   // block of row 0
  size_t stride;         // bytes between rows
  const uint8_t* ahead;  // memory to prefetch, as many bytes as the panel block takes
};

/// Prefetches share I of N of `bytes` bytes from p, one line per load and never in a burst:
/// bursts fill the miss queue and stall the loads behind them.
template <class S, int I, int N, int Bytes>
WHET_INLINE void prefetch_share(const uint8_t* p) {
  constexpr int begin = (I * (Bytes / 64 + 1) / N);
  constexpr int end = ((I + 1) * (Bytes / 64 + 1) / N);
  unroll<end - begin>([&](auto i) WHET_LAMBDA { S::prefetch(p + 64 * (begin + i)); });
}

/// The f16 at p of every row, times a power of two.
template <class S>
WHET_INLINE void unpack_f16(const uint8_t* p, size_t stride, float factor, float* out) {
  uint16_t d[S::kLanes];
  unroll<S::kLanes>([&](auto r) WHET_LAMBDA { d[r] = load_as<uint16_t>(p + r * stride); });
  S::store_f(out, S::mul(S::load_f16(d), S::set1_f(factor)));
}

}  // namespace
}  // namespace whet::kernels
