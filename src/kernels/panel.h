// Panels: kLanes rows of W by 256 columns, expanded to one byte per weight with lanes = rows, so
// that the micro-kernels need no horizontal sums. A panel lives in L1 between unpack and use.
#pragma once

#include "kernels/simd.h"

namespace whet::kernels {
namespace {

/// K-quants: weight = d * scale[group] * (code - offset) - d_min * min[group].
template <class S>
struct Header256 {
  int32_t scales[16][S::kLanes];  // in the policy's form for mul_scale()
  // Mins of 32 columns: int16 pairs for madd16(); mins of 16: like scales.
  int32_t mins[16][S::kLanes];
  float d[S::kLanes];
  float d_min[S::kLanes];
};
template <class S>
struct Panel256 {
  alignas(64) uint8_t codes[64][4 * S::kLanes];  // [column / 4][row][column % 4]
  Header256<S> header;
};

/// 32-blocks: weight = d[group] * (code - offset) + m[group].
template <class S>
struct Factors32 {
  typename S::vf d, m;
};
template <class S>
struct Panel32 {
  alignas(64) uint8_t codes[64][4 * S::kLanes];
  Factors32<S> factors[8];
};

/// What the micro-kernel has to know of a K-quant's codes; formats that agree share one.
template <int Group, int Offset, int MaxCode, int Mins>
struct Arithmetic256 {
  using Arithmetic = Arithmetic256;
  static constexpr int kGroup = Group;      // columns per scale: 16 or 32
  static constexpr int kOffset = Offset;    // 0, or 32: the accumulators start at -32 * sum(x)
  static constexpr int kMaxCode = MaxCode;  // largest |code - offset|
  static constexpr int kMins = Mins;        // groups that have mins: 0, 8 or 16
};
/// The same for 32-blocks. Signed codes are as the policy's prepare_signed() returns them.
template <bool Signed, int Offset, int MaxCode, bool Mins>
struct Arithmetic32 {
  using Arithmetic = Arithmetic32;
  static constexpr bool kSigned = Signed;
  static constexpr int kOffset = Offset;  // 0, or 16: the accumulators start at -16 * sum(x)
  static constexpr int kMaxCode = MaxCode;
  static constexpr bool kMins = Mins;
};

/// Where the rows of a panel lie, and where those of the next panel do, which are prefetched: the
/// rows of a panel are too many streams for the hardware. To L2, because four tokens and two
/// panels fill L1. From DRAM on Zen 3, two threads, Q4_K, one token: without 60 % of the read
/// bandwidth, with 86 %; T0 or T1, one panel or two or both, half the distance: all within 4 %.
struct PanelSource {
  const uint8_t* rows;   // block of row 0
  size_t stride;         // bytes between rows
  const uint8_t* ahead;  // as many bytes as the panel block takes
};

/// Prefetches lines [Begin, End) of the share, spread over the block and never in a burst: bursts
/// fill the miss queue and stall the loads behind them.
template <class S, int Begin, int End>
WHET_INLINE void prefetch_lines(const PanelSource& src) {
  unroll<End - Begin>([&](auto i) WHET_LAMBDA { S::prefetch(src.ahead + 64 * (Begin + i)); });
}
/// Part I of N of the lines of a share of `Bytes` bytes.
template <class S, int I, int N, int Bytes>
WHET_INLINE void prefetch_share(const PanelSource& src) {
  constexpr int kLines = Bytes / 64 + 1;
  prefetch_lines<S, I * kLines / N, (I + 1) * kLines / N>(src);
}

}  // namespace
}  // namespace whet::kernels
