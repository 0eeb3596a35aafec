// Q5_K: Q4_K with a fifth bit, 176 bytes per 256 weights.
#pragma once

#include "kernels/format_q4_k.h"

namespace whet::kernels {
namespace {

struct FormatQ5_K : Arithmetic256<32, 0, 31, 8> {
  using Block = BlockQ5_K;

  static constexpr size_t kParts = 4;
  static constexpr size_t first_step(size_t part) { return 16 * part; }
  /// The fifth bits of the next part are the lowest two of every byte.
  template <class S>
  struct FifthBits {
    typename S::vi of[8];
  };
  template <class S, class Source>
  static WHET_INLINE FifthBits<S> begin(const Source& src, Header256<S>& header) {
    unpack_k_header<S>(src, header);
    FifthBits<S> bits;
    src.template columns16<S>(offsetof(Block, qh), bits.of);
    src.template columns16<S>(offsetof(Block, qh) + 16, bits.of + 4);
    return bits;
  }
  template <class S, class Source, class Put>
  static WHET_INLINE void unpack_part(const Source& src, size_t part, FifthBits<S>& bits, Put put) {
    const auto low = S::set1_i(0x0f0f0f0fu), fifth = S::set1_i(0x10101010u);
    unroll<2>([&](auto i) WHET_LAMBDA {
      typename S::vi v[4];
      src.template columns16<S>(offsetof(Block, qs) + 32 * part + 16 * i, v);
      unroll<4>([&](auto j) WHET_LAMBDA {
        auto& high = bits.of[4 * i + j];
        put(Index<4 * i + j>{},
            S::bit_or(S::bit_and(v[j], low), S::bit_and(S::template shift_left<4>(high), fifth)));
        put(Index<8 + 4 * i + j>{}, S::bit_or(S::bit_and(S::template shift_right<4>(v[j]), low),
                                              S::bit_and(S::template shift_left<3>(high), fifth)));
        high = S::template shift_right<2>(high);
      });
    });
  }
};

}  // namespace
}  // namespace whet::kernels
