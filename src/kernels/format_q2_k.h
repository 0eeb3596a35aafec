// Q2_K: 84 bytes per 256 weights, 16 groups of 16 with 4-bit scales and mins.
// Q3_K: 110 bytes per 256 weights, 16 groups of 16 with 6-bit scales, codes - 4.
#pragma once

#include <cstddef>

#include "kernels/panel.h"
#include "tensor/blocks.h"

namespace whet::kernels {
namespace {

struct FormatQ2_K : Arithmetic256<16, 0, 3, 16> {
  using Block = BlockQ2_K;

  static constexpr size_t kParts = 2;
  static constexpr size_t first_step(size_t part) { return 32 * part; }
  template <class S, class Source>
  static WHET_INLINE NothingCarried begin(const Source& src, Header256<S>& header) {
    const typename S::vi dm = src.template dwords<S>(offsetof(Block, d));
    S::store_f(header.d, S::template f16_half<0>(dm));
    // The sums that the mins are multiplied with are -32 times too large.
    S::store_f(header.d_min, S::mul(S::template f16_half<1>(dm), S::set1_f(1.0f / 32)));
    const auto low4 = S::set1_i(0x0f0f0f0fu);
    typename S::vi s[4];
    src.template columns16<S>(offsetof(Block, scales), s);
    unroll<16>([&](auto g) WHET_LAMBDA {
      const auto scales = S::bit_and(s[g / 4], low4);
      const auto mins = S::bit_and(S::template shift_right<4>(s[g / 4]), low4);
      S::store_i(header.scales[g], S::template scale_u8<g % 4>(scales));
      S::store_i(header.mins[g], S::template scale_u8<g % 4>(mins));
    });
    return {};
  }
  template <class S, class Source, class Put>
  static WHET_INLINE void unpack_part(const Source& src, size_t part, NothingCarried&, Put put) {
    const auto low2 = S::set1_i(0x03030303u);
    unroll<2>([&](auto i) WHET_LAMBDA {  // 16 of each 32 columns
      typename S::vi v[4];
      src.template columns16<S>(offsetof(Block, qs) + 32 * part + 16 * i, v);
      unroll<4>([&](auto q) WHET_LAMBDA {
        unroll<4>([&](auto j) WHET_LAMBDA {
          put(Index<8 * q + 4 * i + j>{}, S::bit_and(shifted<S, -2 * q>(v[j]), low2));
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
  template <class S, class Source>
  static WHET_INLINE void unpack_header(const Source& src, Header256<S>& header) {
    typename S::vi v[4];
    src.template columns16<S>(offsetof(Block, scales) - 2, v);
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

  static constexpr size_t kParts = 2;
  static constexpr size_t first_step(size_t part) { return 32 * part; }
  /// The third bits of the next part are the lowest four of every byte.
  template <class S>
  struct ThirdBits {
    typename S::vi of[8];
  };
  template <class S, class Source>
  static WHET_INLINE ThirdBits<S> begin(const Source& src, Header256<S>& header) {
    unpack_header<S>(src, header);
    ThirdBits<S> bits;
    src.template columns16<S>(offsetof(Block, hmask), bits.of);
    src.template columns16<S>(offsetof(Block, hmask) + 16, bits.of + 4);
    return bits;
  }
  template <class S, class Source, class Put>
  static WHET_INLINE void unpack_part(const Source& src, size_t part, ThirdBits<S>& bits, Put put) {
    const auto low = S::set1_i(0x18181818u);
    const auto third = S::set1_i(0x20202020u);
    unroll<2>([&](auto i) WHET_LAMBDA {  // 16 of each 32 columns
      typename S::vi v[4];
      src.template columns16<S>(offsetof(Block, qs) + 32 * part + 16 * i, v);
      unroll<4>([&](auto j) WHET_LAMBDA {
        auto& high = bits.of[4 * i + j];
        unroll<4>([&](auto q) WHET_LAMBDA {
          put(Index<8 * q + 4 * i + j>{},
              S::bit_or(S::bit_and(shifted<S, 3 - 2 * q>(v[j]), low),
                        S::bit_and(S::template shift_left<5 - q>(high), third)));
        });
        high = S::template shift_right<4>(high);
      });
    });
  }
};

}  // namespace
}  // namespace whet::kernels
