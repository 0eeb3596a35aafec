// Q4_0: 18 bytes per 32 weights, codes - 8.
#pragma once

#include <cstddef>

#include "kernels/panel.h"
#include "tensor/blocks.h"

namespace whet::kernels {
namespace {

struct FormatQ4_0 {
  using Block = BlockQ4_0;
  static constexpr bool kSigned = false;
  // Codes are stored doubled and d halved, so that the offset is 16 as in Q5_0.
  static constexpr int kOffset = 16;   // 0, or 16: the accumulators start at -16 * sum(x)
  static constexpr int kMaxCode = 16;  // largest |code - offset|
  static constexpr bool kMins = false;
  static constexpr float kScale = 0.5f;

  /// One block of 32 columns of every row.
  template <class S>
  static WHET_INLINE void unpack(const PanelSource& src, uint8_t (*codes)[4 * S::kLanes], float* d,
                                 float*) {
    unpack_f16<S>(src.rows + offsetof(Block, d), src.stride, kScale, d);
    const auto mask = S::set1_i(0x1e1e1e1eu);
    typename S::vi v[4];
    S::transpose16(src.rows + offsetof(Block, qs), src.stride, v);
    unroll<4>([&](auto j) WHET_LAMBDA {
      S::store_i(codes[j], S::bit_and(S::template shift_left<1>(v[j]), mask));
      S::store_i(codes[4 + j], S::bit_and(S::template shift_right<3>(v[j]), mask));
    });
  }
};

}  // namespace
}  // namespace whet::kernels
