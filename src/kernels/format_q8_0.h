// The 32-blocks with eight bits per code, signed: Q8_0 and A8.
#pragma once

#include <cstddef>

#include "kernels/panel.h"
#include "tensor/blocks.h"

namespace whet::kernels {
namespace {

struct FormatQ8_0 : Arithmetic32<true, 0, 128, false> {
  using Block = BlockQ8_0;

  template <class S, class Source, class Put>
  static WHET_INLINE void unpack(const Source& src, Factors32<S>& factors, Put put) {
    factors.d = src.template f16<S>(offsetof(Block, d));
    unroll<2>([&](auto i) WHET_LAMBDA {
      typename S::vi v[4];
      src.template columns16<S>(offsetof(Block, qs) + 16 * i, v);
      unroll<4>([&](auto j) WHET_LAMBDA { put(Index<4 * i + j>{}, S::prepare_signed(v[j])); });
    });
  }
};

struct FormatA8 : Arithmetic32<true, 0, 128, true> {
  using Block = BlockA8;

  template <class S, class Source, class Put>
  static WHET_INLINE void unpack(const Source& src, Factors32<S>& factors, Put put) {
    const typename S::vi dm = src.template dwords<S>(offsetof(Block, d));
    factors.d = S::template f16_half<0>(dm);
    factors.m = S::fma(factors.d, S::set1_f(128), S::template f16_half<1>(dm));
    unroll<2>([&](auto i) WHET_LAMBDA {
      typename S::vi v[4];
      src.template columns16<S>(offsetof(Block, qs) + 16 * i, v);
      unroll<4>([&](auto j) WHET_LAMBDA { put(Index<4 * i + j>{}, S::prepare_signed(v[j])); });
    });
  }
};

}  // namespace
}  // namespace whet::kernels
