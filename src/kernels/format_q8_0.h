// Q8_0: 34 bytes per 32 weights, signed codes.
#pragma once

#include <cstddef>

#include "kernels/panel.h"
#include "tensor/blocks.h"

namespace whet::kernels {
namespace {

struct FormatQ8_0 {
  using Block = BlockQ8_0;
  static constexpr bool kSigned = true;
  static constexpr int kOffset = 0;
  static constexpr int kMaxCode = 128;
  static constexpr bool kMins = false;
  static constexpr float kScale = 1.0f;

  template <class S>
  static WHET_INLINE void unpack(const PanelSource& src, uint8_t (*codes)[4 * S::kLanes], float* d,
                                 float*) {
    unpack_f16<S>(src.rows + offsetof(Block, d), src.stride, kScale, d);
    unroll<2>([&](auto i) WHET_LAMBDA {
      typename S::vi v[4];
      S::transpose16(src.rows + offsetof(Block, qs) + 16 * i, src.stride, v);
      unroll<4>([&](auto j) WHET_LAMBDA { S::store_i(codes[4 * i + j], S::prepare_signed(v[j])); });
    });
  }
};

}  // namespace
}  // namespace whet::kernels
