// Q6_K: 210 bytes per 256 weights, 16 groups of 16 with int8 scales, codes - 32.
#pragma once

#include <cstddef>

#include "kernels/panel.h"
#include "tensor/blocks.h"

namespace whet::kernels {
namespace {

struct FormatQ6_K : Arithmetic256<16, 32, 32, 0> {
  using Block = BlockQ6_K;

  template <class S, class Put>
  static WHET_INLINE void unpack(const PanelSource& src, Header256<S>& header, Put put) {
    constexpr int kBytes = S::kLanes * int{sizeof(Block)};
    S::store_f(header.d, S::load_f16_rows(src.rows + offsetof(Block, d), src.stride));
    typename S::vi s[4];
    S::transpose16(src.rows + offsetof(Block, scales), src.stride, s);
    unroll<16>([&](auto g) WHET_LAMBDA {
      S::store_i(header.scales[g], S::template scale_s8<g % 4>(s[g / 4]));
    });
    const auto low4 = S::set1_i(0x0f0f0f0fu);
    const auto high2 = S::set1_i(0x30303030u);
    unroll<4>([&](auto i) WHET_LAMBDA {  // halves of 128 columns, then of 32
      constexpr int half = i / 2, part = i % 2;
      typename S::vi a[4], b[4], h[4];
      prefetch_share<S, 2 * i, 8, kBytes>(src);
      S::transpose16(src.rows + offsetof(Block, qh) + 32 * half + 16 * part, src.stride, h);
      S::transpose16(src.rows + offsetof(Block, ql) + 64 * half + 16 * part, src.stride, a);
      prefetch_share<S, 2 * i + 1, 8, kBytes>(src);
      S::transpose16(src.rows + offsetof(Block, ql) + 64 * half + 32 + 16 * part, src.stride, b);
      unroll<4>([&](auto j) WHET_LAMBDA {
        constexpr int column4 = 32 * half + 4 * part + j;
        const auto code = [&](typename S::vi l, typename S::vi h2) WHET_LAMBDA {
          return S::bit_or(S::bit_and(l, low4), S::bit_and(h2, high2));
        };
        put(Index<column4>{}, code(a[j], S::template shift_left<4>(h[j])));
        put(Index<column4 + 8>{}, code(b[j], S::template shift_left<2>(h[j])));
        put(Index<column4 + 16>{}, code(S::template shift_right<4>(a[j]), h[j]));
        put(Index<column4 + 24>{},
            code(S::template shift_right<4>(b[j]), S::template shift_right<2>(h[j])));
      });
    });
  }
};

}  // namespace
}  // namespace whet::kernels
