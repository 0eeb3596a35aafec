// Q4_K: 144 bytes per 256 weights, 8 groups of 32 with 6-bit scales and mins.
#pragma once

#include <cstddef>

#include "kernels/panel.h"
#include "tensor/blocks.h"

namespace whet::kernels {
namespace {

/// The header shared by Q4_K and Q5_K: d, dmin and 12 bytes of 6-bit scales and mins, decoded for
/// all rows of the panel at once.
template <class S, class Source>
WHET_INLINE void unpack_k_header(const Source& src, Header256<S>& header) {
  typename S::vi h[4];
  src.template columns16<S>(0, h);
  S::store_f(header.d, S::template f16_half<0>(h[0]));
  S::store_f(header.d_min, S::template f16_half<1>(h[0]));
  const auto low6 = S::set1_i(0x3f3f3f3fu);
  const auto low4 = S::set1_i(0x0f0f0f0fu);
  const auto high2 = S::set1_i(0x30303030u);
  const typename S::vi scales[2] = {
      S::bit_and(h[1], low6),
      S::bit_or(S::bit_and(h[3], low4), S::bit_and(S::template shift_right<2>(h[1]), high2))};
  const typename S::vi mins[2] = {S::bit_and(h[2], low6),
                                  S::bit_or(S::bit_and(S::template shift_right<4>(h[3]), low4),
                                            S::bit_and(S::template shift_right<2>(h[2]), high2))};
  unroll<8>([&](auto g) WHET_LAMBDA {
    S::store_i(header.scales[g], S::template scale_u8<g % 4>(scales[g / 4]));
  });
  unroll<4>([&](auto p) WHET_LAMBDA {
    S::store_i(header.mins[p], S::template byte_pair<p % 2>(mins[p / 2]));
  });
}

struct FormatQ4_K : Arithmetic256<32, 0, 15, 8> {
  using Block = BlockQ4_K;

  static constexpr size_t kParts = 4;
  static constexpr size_t first_step(size_t part) { return 16 * part; }
  template <class S, class Source>
  static WHET_INLINE NothingCarried begin(const Source& src, Header256<S>& header) {
    unpack_k_header<S>(src, header);
    return {};
  }
  template <class S, class Source, class Put>
  static WHET_INLINE void unpack_part(const Source& src, size_t part, NothingCarried&, Put put) {
    const auto low = S::set1_i(0x0f0f0f0fu);
    unroll<2>([&](auto i) WHET_LAMBDA {
      typename S::vi v[4];
      src.template columns16<S>(offsetof(Block, qs) + 32 * part + 16 * i, v);
      unroll<4>([&](auto j) WHET_LAMBDA {
        put(Index<4 * i + j>{}, S::bit_and(v[j], low));
        put(Index<8 + 4 * i + j>{}, S::bit_and(S::template shift_right<4>(v[j]), low));
      });
    });
  }
};

}  // namespace
}  // namespace whet::kernels
