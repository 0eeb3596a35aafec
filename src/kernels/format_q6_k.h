// Q6_K: 210 bytes per 256 weights, 16 groups of 16 with int8 scales, codes - 32.
#pragma once

#include <cstddef>

#include "kernels/panel.h"
#include "tensor/blocks.h"

namespace whet::kernels {
namespace {

struct FormatQ6_K : Arithmetic256<16, 32, 32, 0> {
  using Block = BlockQ6_K;

  static constexpr size_t kParts = 4;
  static constexpr size_t first_step(size_t part) { return part / 2 * 32 + part % 2 * 4; }
  template <class S, class Source>
  static WHET_INLINE NothingCarried begin(const Source& src, Header256<S>& header) {
    S::store_f(header.d, src.template f16<S>(offsetof(Block, d)));
    typename S::vi s[4];
    src.template columns16<S>(offsetof(Block, scales), s);
    unroll<16>([&](auto g) WHET_LAMBDA {
      S::store_i(header.scales[g], S::template scale_s8<g % 4>(s[g / 4]));
    });
    return {};
  }
  template <class S, class Source, class Put>
  static WHET_INLINE void unpack_part(const Source& src, size_t part, NothingCarried&, Put put) {
    const auto low4 = S::set1_i(0x0f0f0f0fu);
    const auto high2 = S::set1_i(0x30303030u);
    const size_t half = part / 2, at = 16 * (part % 2);
    typename S::vi l[8], h[4];
    src.template columns16<S>(offsetof(Block, qh) + 32 * half + at, h);
    src.template columns16<S>(offsetof(Block, ql) + 64 * half + at, l);
    src.template columns16<S>(offsetof(Block, ql) + 64 * half + 32 + at, l + 4);
    unroll<4>([&](auto q) WHET_LAMBDA {
      unroll<4>([&](auto j) WHET_LAMBDA {
        const auto low = shifted<S, q / 2 * -4>(l[q % 2 * 4 + j]);
        put(Index<8 * q + j>{},
            S::bit_or(S::bit_and(low, low4), S::bit_and(shifted<S, 4 - 2 * q>(h[j]), high2)));
      });
    });
  }
};

}  // namespace
}  // namespace whet::kernels
