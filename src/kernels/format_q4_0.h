// The 32-blocks with four bits per code: Q4_0, Q4_1, IQ4_NL, MXFP4.
#pragma once

#include <cstddef>

#include "kernels/codebooks.h"
#include "kernels/panel.h"
#include "tensor/blocks.h"

namespace whet::kernels {
namespace {

/// Codes of 32 columns from the 16 bytes at `qs`: low nibbles first.
template <class S, class Source, class Map, class Put>
WHET_INLINE void put_nibbles(const Source& src, size_t qs, Map map, Put put) {
  const auto low = S::set1_i(0x0f0f0f0fu);
  typename S::vi v[4];
  src.template columns16<S>(qs, v);
  unroll<4>([&](auto j) WHET_LAMBDA { put(Index<j>{}, map(S::bit_and(v[j], low))); });
  unroll<4>([&](auto j) WHET_LAMBDA {
    put(Index<4 + j>{}, map(S::bit_and(S::template shift_right<4>(v[j]), low)));
  });
}

struct FormatQ4_0 : Arithmetic32<false, 16, 16, false> {
  using Block = BlockQ4_0;

  // Codes are stored doubled and d halved, so that the offset is 16 as in Q5_0.
  /// One block of 32 columns of every row. Steps 0..7 of four columns, ascending.
  template <class S, class Source, class Put>
  static WHET_INLINE void unpack(const Source& src, Factors32<S>& factors, Put put) {
    factors.d = S::mul(src.template f16<S>(offsetof(Block, d)), S::set1_f(0.5f));
    const auto mask = S::set1_i(0x1e1e1e1eu);
    typename S::vi v[4];
    src.template columns16<S>(offsetof(Block, qs), v);
    unroll<4>([&](auto j) WHET_LAMBDA {
      put(Index<j>{}, S::bit_and(S::template shift_left<1>(v[j]), mask));
    });
    unroll<4>([&](auto j) WHET_LAMBDA {
      put(Index<4 + j>{}, S::bit_and(S::template shift_right<3>(v[j]), mask));
    });
  }
};

struct FormatQ4_1 : Arithmetic32<false, 0, 15, true> {
  using Block = BlockQ4_1;

  template <class S, class Source, class Put>
  static WHET_INLINE void unpack(const Source& src, Factors32<S>& factors, Put put) {
    const typename S::vi dm = src.template dwords<S>(offsetof(Block, d));
    factors.d = S::template f16_half<0>(dm);
    factors.m = S::template f16_half<1>(dm);
    put_nibbles<S>(
        src, offsetof(Block, qs), [](typename S::vi v) WHET_LAMBDA { return v; }, put);
  }
};

struct FormatIQ4_NL : Arithmetic32<true, 0, 128, false> {
  using Block = BlockIQ4_NL;

  template <class S, class Source, class Put>
  static WHET_INLINE void unpack(const Source& src, Factors32<S>& factors, Put put) {
    factors.d = src.template f16<S>(offsetof(Block, d));
    put_nibbles<S>(
        src, offsetof(Block, qs),
        [](typename S::vi v)
            WHET_LAMBDA { return S::prepare_signed(S::lookup16(kIq4nlValues, v)); },
        put);
  }
};

/// kMxfp4Values + 16.
inline constexpr int8_t kMxfp4Codes[16] = {16, 17, 18, 19, 20, 22, 24, 28,
                                           16, 15, 14, 13, 12, 10, 8,  4};

struct FormatMXFP4 : Arithmetic32<false, 16, 16, false> {
  using Block = BlockMXFP4;

  template <class S, class Source, class Put>
  static WHET_INLINE void unpack(const Source& src, Factors32<S>& factors, Put put) {
    // mxfp4_scale() of every row, as two powers of two that no exponent makes denormal.
    const auto e = src.template bytes<S>(offsetof(Block, e));
    const auto power = [](typename S::vi half) WHET_LAMBDA {
      return S::as_float(S::template shift_left32<23>(S::add32(half, S::set1_i(127 - 64))));
    };
    const auto low = S::template shift_right32<1>(e);
    const auto high = S::template shift_right32<1>(S::add32(e, S::set1_i(1)));
    factors.d = S::mul(power(low), power(high));
    put_nibbles<S>(
        src, offsetof(Block, qs),
        [](typename S::vi v) WHET_LAMBDA { return S::lookup16(kMxfp4Codes, v); }, put);
  }
};

}  // namespace
}  // namespace whet::kernels
