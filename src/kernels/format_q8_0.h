// Q8_0: 34 bytes per 32 weights, signed codes.
#pragma once

#include <cstddef>

#include "kernels/panel.h"
#include "tensor/blocks.h"

namespace whet::kernels {
namespace {

struct FormatQ8_0 : Arithmetic32<true, 0, 128, false> {
  using Block = BlockQ8_0;

  template <class S, class Put>
  static WHET_INLINE void unpack(const PanelSource& src, Factors32<S>& factors, Put put) {
    factors.d = S::load_f16_rows(src.rows + offsetof(Block, d), src.stride);
    unroll<2>([&](auto i) WHET_LAMBDA {
      typename S::vi v[4];
      S::transpose16(src.rows + offsetof(Block, qs) + 16 * i, src.stride, v);
      unroll<4>([&](auto j) WHET_LAMBDA { put(Index<4 * i + j>{}, S::prepare_signed(v[j])); });
    });
  }
};

}  // namespace
}  // namespace whet::kernels
