// Q5_K: Q4_K with a fifth bit, 176 bytes per 256 weights.
#pragma once

#include "kernels/format_q4_k.h"

namespace whet::kernels {
namespace {

struct FormatQ5_K : Arithmetic256<32, 0, 31, 8> {
  using Block = BlockQ5_K;

  /// Bit `Bit` of every byte of h at bit 4.
  template <class S, int Bit>
  static WHET_INLINE typename S::vi fifth(typename S::vi h) {
    const auto mask = S::set1_i(0x10101010u);
    if constexpr (Bit <= 4)
      return S::bit_and(S::template shift_left<4 - Bit>(h), mask);
    else
      return S::bit_and(S::template shift_right<Bit - 4>(h), mask);
  }

  template <class S, class Put>
  static WHET_INLINE void unpack(const PanelSource& src, Header256<S>& header, Put put) {
    constexpr int kBytes = S::kLanes * int{sizeof(Block)};
    unpack_k_header(src, header);
    const auto low = S::set1_i(0x0f0f0f0fu);
    typename S::vi h[8];
    S::transpose16(src.rows + offsetof(Block, qh), src.stride, h);
    S::transpose16(src.rows + offsetof(Block, qh) + 16, src.stride, h + 4);
    unroll<8>([&](auto i) WHET_LAMBDA {
      prefetch_share<S, i, 8, kBytes>(src);
      typename S::vi v[4];
      S::transpose16(src.rows + offsetof(Block, qs) + 16 * i, src.stride, v);
      constexpr int pair = i / 2, half = i % 2;
      unroll<4>([&](auto j) WHET_LAMBDA {
        constexpr int column4 = pair * 16 + half * 4 + j;
        const auto high = h[half * 4 + j];
        put(Index<column4>{}, S::bit_or(S::bit_and(v[j], low), fifth<S, 2 * pair>(high)));
        put(Index<column4 + 8>{}, S::bit_or(S::bit_and(S::template shift_right<4>(v[j]), low),
                                            fifth<S, 2 * pair + 1>(high)));
      });
    });
  }
};

}  // namespace
}  // namespace whet::kernels
