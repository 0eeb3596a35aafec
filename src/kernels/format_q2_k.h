// Q2_K: 84 bytes per 256 weights, 16 groups of 16 with 4-bit scales and mins.
// Q3_K: 110 bytes per 256 weights, 16 groups of 16 with 6-bit scales, codes - 4.
#pragma once

#include <cstddef>

#include "kernels/panel.h"
#include "tensor/blocks.h"

namespace whet::kernels {
namespace {

/// a << N, or a >> -N.
template <class S, int N>
WHET_INLINE typename S::vi shifted(typename S::vi a) {
  if constexpr (N >= 0)
    return S::template shift_left<N>(a);
  else
    return S::template shift_right<-N>(a);
}

struct FormatQ2_K : Arithmetic256<16, 0, 3, 16> {
  using Block = BlockQ2_K;

  template <class S, class Put>
  static WHET_INLINE void unpack(const PanelSource& src, Header256<S>& header, Put put) {
    constexpr int kBytes = S::kLanes * int{sizeof(Block)};
    const typename S::vi dm = S::load_dword_rows(src.rows + offsetof(Block, d), src.stride);
    S::store_f(header.d, S::template f16_half<0>(dm));
    // The sums that the mins are multiplied with are -32 times too large.
    S::store_f(header.d_min, S::mul(S::template f16_half<1>(dm), S::set1_f(1.0f / 32)));
    const auto low4 = S::set1_i(0x0f0f0f0fu);
    typename S::vi s[4];
    S::transpose16(src.rows + offsetof(Block, scales), src.stride, s);
    unroll<16>([&](auto g) WHET_LAMBDA {
      const auto scales = S::bit_and(s[g / 4], low4);
      const auto mins = S::bit_and(S::template shift_right<4>(s[g / 4]), low4);
      S::store_i(header.scales[g], S::template scale_u8<g % 4>(scales));
      S::store_i(header.mins[g], S::template scale_u8<g % 4>(mins));
    });
    const auto low2 = S::set1_i(0x03030303u);
    unroll<4>([&](auto i) WHET_LAMBDA {  // halves of 128 columns, then of 32
      constexpr int half = i / 2, part = i % 2;
      prefetch_share<S, i, 4, kBytes>(src);
      typename S::vi v[4];
      S::transpose16(src.rows + offsetof(Block, qs) + 32 * half + 16 * part, src.stride, v);
      unroll<4>([&](auto q) WHET_LAMBDA {
        unroll<4>([&](auto j) WHET_LAMBDA {
          put(Index<32 * half + 8 * q + 4 * part + j>{},
              S::bit_and(shifted<S, -2 * q>(v[j]), low2));
        });
      });
    });
  }
};

struct FormatQ3_K : Arithmetic256<16, 32, 32, 0> {
  using Block = BlockQ3_K;

  // Codes are stored times 8 and d divided by it, so that the offset is 32 as in Q6_K.
  /// The scales end two bytes before the block does, so the 16 bytes that hold them are those
  /// from two before them up to the end of d.
  template <class S>
  static WHET_INLINE void unpack_header(const PanelSource& src, Header256<S>& header) {
    typename S::vi v[4];
    S::transpose16(src.rows + offsetof(Block, scales) - 2, src.stride, v);
    const auto join = [](typename S::vi a, typename S::vi b) WHET_LAMBDA {
      return S::bit_or(S::template shift_right32<16>(a), S::template shift_left32<16>(b));
    };
    S::store_f(header.d, S::mul(S::template f16_half<1>(v[3]), S::set1_f(1.0f / 8)));
    const typename S::vi a = join(v[0], v[1]), b = join(v[1], v[2]), c = join(v[2], v[3]);
    const auto low4 = S::set1_i(0x0f0f0f0fu);
    const auto high2 = S::set1_i(0x30303030u);
    const auto scales = [&](typename S::vi low, typename S::vi high) WHET_LAMBDA {
      const auto s = S::bit_or(S::bit_and(low, low4), S::bit_and(high, high2));
      // s - 32 in every byte: flip bit 5 and copy it to bits 6 and 7.
      const auto t = S::bit_xor(s, S::set1_i(0x20202020u));
      const auto sign = S::bit_and(t, S::set1_i(0x20202020u));
      return S::bit_or(t,
                       S::bit_or(S::template shift_left<1>(sign), S::template shift_left<2>(sign)));
    };
    const typename S::vi s[4] = {
        scales(a, S::template shift_left<4>(c)), scales(b, S::template shift_left<2>(c)),
        scales(S::template shift_right<4>(a), c),
        scales(S::template shift_right<4>(b), S::template shift_right<2>(c))};
    unroll<16>([&](auto g) WHET_LAMBDA {
      S::store_i(header.scales[g], S::template scale_s8<g % 4>(s[g / 4]));
    });
  }

  template <class S, class Put>
  static WHET_INLINE void unpack(const PanelSource& src, Header256<S>& header, Put put) {
    constexpr int kBytes = S::kLanes * int{sizeof(Block)};
    unpack_header(src, header);
    typename S::vi h[8];
    S::transpose16(src.rows + offsetof(Block, hmask), src.stride, h);
    S::transpose16(src.rows + offsetof(Block, hmask) + 16, src.stride, h + 4);
    const auto low = S::set1_i(0x18181818u);
    const auto high = S::set1_i(0x20202020u);
    unroll<4>([&](auto i) WHET_LAMBDA {
      constexpr int half = i / 2, part = i % 2;
      prefetch_share<S, i, 4, kBytes>(src);
      typename S::vi v[4];
      S::transpose16(src.rows + offsetof(Block, qs) + 32 * half + 16 * part, src.stride, v);
      unroll<4>([&](auto q) WHET_LAMBDA {
        unroll<4>([&](auto j) WHET_LAMBDA {
          put(Index<32 * half + 8 * q + 4 * part + j>{},
              S::bit_or(S::bit_and(shifted<S, 3 - 2 * q>(v[j]), low),
                        S::bit_and(shifted<S, 5 - 4 * half - q>(h[4 * part + j]), high)));
        });
      });
    });
  }
};

}  // namespace
}  // namespace whet::kernels
