// Q5_0 and Q5_1: Q4_0 and Q4_1 with a fifth bit.
#pragma once

#include <cstddef>

#include "kernels/panel.h"
#include "tensor/blocks.h"

namespace whet::kernels {
namespace {

/// Codes of 32 columns from nibbles and a mask whose bit i belongs to column i: a nibble of the
/// mask times 0x00204081 has its four bits at the bottom of four bytes, and no sum carries.
template <class S, class Source, class Put>
WHET_INLINE void put_five_bits(const Source& src, size_t high, size_t qs, Put put) {
  const auto low = S::set1_i(0x0f0f0f0fu);
  const typename S::vi mask = src.template dwords<S>(high);
  typename S::vi v[4];
  src.template columns16<S>(qs, v);
  unroll<8>([&](auto j) WHET_LAMBDA {
    const auto four = S::bit_and(S::template shift_right32<4 * j>(mask), S::set1_i(0xfu));
    const auto fifth =
        S::bit_and(S::mul32(four, S::set1_i(0x00204081u << 4)), S::set1_i(0x10101010u));
    const auto nibbles = j < 4 ? v[j % 4] : S::template shift_right<4>(v[j % 4]);
    put(Index<j>{}, S::bit_or(S::bit_and(nibbles, low), fifth));
  });
}

struct FormatQ5_0 : Arithmetic32<false, 16, 16, false> {
  using Block = BlockQ5_0;

  template <class S, class Source, class Put>
  static WHET_INLINE void unpack(const Source& src, Factors32<S>& factors, Put put) {
    factors.d = src.template f16<S>(offsetof(Block, d));
    put_five_bits<S>(src, offsetof(Block, qh), offsetof(Block, qs), put);
  }
};

struct FormatQ5_1 : Arithmetic32<false, 0, 31, true> {
  using Block = BlockQ5_1;

  template <class S, class Source, class Put>
  static WHET_INLINE void unpack(const Source& src, Factors32<S>& factors, Put put) {
    const typename S::vi dm = src.template dwords<S>(offsetof(Block, d));
    factors.d = S::template f16_half<0>(dm);
    factors.m = S::template f16_half<1>(dm);
    put_five_bits<S>(src, offsetof(Block, qh), offsetof(Block, qs), put);
  }
};

}  // namespace
}  // namespace whet::kernels
