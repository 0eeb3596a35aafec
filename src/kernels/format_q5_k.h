// Q5_K: Q4_K with a fifth bit, 176 bytes per 256 weights.
#pragma once

#include "kernels/format_q4_k.h"

namespace whet::kernels {
namespace {

struct FormatQ5_K {
  using Block = BlockQ5_K;
  static constexpr int kGroup = 32;
  static constexpr int kOffset = 0;
  static constexpr int kMaxCode = 31;
  static constexpr int kMins = 8;
  static constexpr float kScale = 1.0f;

  /// Bit `Bit` of every byte of h at bit 4.
  template <class S, int Bit>
  static WHET_INLINE typename S::vi fifth(typename S::vi h) {
    const auto mask = S::set1_i(0x10101010u);
    if constexpr (Bit <= 4)
      return S::bit_and(S::template shift_left<4 - Bit>(h), mask);
    else
      return S::bit_and(S::template shift_right<Bit - 4>(h), mask);
  }

  template <class S>
  static WHET_INLINE void unpack(const PanelSource& src, Panel256<S>& panel) {
    constexpr int kBytes = S::kLanes * int{sizeof(Block)};
    unpack_k_header(src, panel);
    const auto low = S::set1_i(0x0f0f0f0fu);
    unroll<2>([&](auto half) WHET_LAMBDA {  // columns 16*half.. of every 32
      typename S::vi h[4];
      S::transpose16(src.rows + offsetof(Block, qh) + 16 * half, src.stride, h);
      unroll<4>([&](auto c) WHET_LAMBDA {
        prefetch_share<S, half * 4 + c, 8, kBytes>(src.ahead);
        typename S::vi v[4];
        S::transpose16(src.rows + offsetof(Block, qs) + 32 * c + 16 * half, src.stride, v);
        unroll<4>([&](auto j) WHET_LAMBDA {
          constexpr int column4 = c * 16 + half * 4 + j;
          S::store_i(panel.codes[column4], S::bit_or(S::bit_and(v[j], low), fifth<S, 2 * c>(h[j])));
          S::store_i(panel.codes[column4 + 8],
                     S::bit_or(S::bit_and(S::template shift_right<4>(v[j]), low),
                               fifth<S, 2 * c + 1>(h[j])));
        });
      });
    });
  }
};

}  // namespace
}  // namespace whet::kernels
