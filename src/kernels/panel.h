// Panels: kLanes rows of W by 256 columns, expanded to one byte per weight with lanes = rows, so
// that the micro-kernels need no horizontal sums. A panel lives in L1 between unpack and use.
#pragma once

#include "kernels/simd.h"
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

/// K-quants: weight = d * scale[group] * (code - offset) - d_min * min[group].
template <class S>
struct Header256 {
  int32_t scales[16][S::kLanes];  // in the policy's form for mul_scale()
  // Mins of 32 columns: int16 pairs for madd16(); mins of 16: like scales.
  int32_t mins[16][S::kLanes];
  float d[S::kLanes];
  float d_min[S::kLanes];
};
template <class S>
struct Panel256 {
  alignas(64) uint8_t codes[64][4 * S::kLanes];  // [column / 4][row][column % 4]
  Header256<S> header;
};

/// 32-blocks: weight = d[group] * (code - offset) + m[group].
template <class S>
struct Factors32 {
  typename S::vf d, m;
};
template <class S>
struct Panel32 {
  alignas(64) uint8_t codes[64][4 * S::kLanes];
  Factors32<S> factors[8];
};

/// What the micro-kernel has to know of a K-quant's codes; formats that agree share one.
template <int Group, int Offset, int MaxCode, int Mins>
struct Arithmetic256 {
  using Arithmetic = Arithmetic256;
  static constexpr int kGroup = Group;      // columns per scale: 16 or 32
  static constexpr int kOffset = Offset;    // 0, or 32: the accumulators start at -32 * sum(x)
  static constexpr int kMaxCode = MaxCode;  // largest |code - offset|
  static constexpr int kMins = Mins;        // groups that have mins: 0, 8 or 16
};

/// A K-quant format is its arithmetic, its Block and how that is unpacked, in kParts parts of whole
/// scale groups: begin() unpacks the header and returns what the parts hand on; unpack_part() calls
/// put(Index<i>, codes) for its steps of four columns, each group in order, where i counts from
/// first_step(part) of the block. Where the parts share nothing, begin() returns this:
struct NothingCarried {};

/// The same arithmetic for 32-blocks. Signed codes are as the policy's prepare_signed() returns
/// them.
template <bool Signed, int Offset, int MaxCode, bool Mins>
struct Arithmetic32 {
  using Arithmetic = Arithmetic32;
  static constexpr bool kSigned = Signed;
  static constexpr int kOffset = Offset;  // 0, or 16: the accumulators start at -16 * sum(x)
  static constexpr int kMaxCode = MaxCode;
  static constexpr bool kMins = Mins;
};

/// One block of every row of a panel as the rows lie in the file, and where those of the next panel
/// do, which are prefetched: the rows of a panel are too many streams for the hardware. To L2,
/// because four tokens and two panels fill L1. From DRAM on Zen 3, two threads, Q4_K, one token:
/// without 60 % of the read bandwidth, with 86 %; T0 or T1, one panel or two or both, half the
/// distance: all within 4 %.
struct FileRows {
  const uint8_t* block;  // of row 0
  size_t stride;         // bytes between rows
  const uint8_t* ahead;  // as many bytes as the panel block takes

  /// The block `bytes` further of every row.
  template <class S>
  WHET_INLINE FileRows skip(size_t bytes) const {
    return {block + bytes, stride, ahead + S::kLanes * bytes};
  }
  /// The 16 bytes at `offset` in the block of every row: out[i] holds bytes [4i, 4i + 4).
  template <class S>
  WHET_INLINE void columns16(size_t offset, typename S::vi* out) const {
    S::transpose16(block + offset, stride, out);
  }
  template <class S>
  WHET_INLINE typename S::vi dwords(size_t offset) const {
    return S::load_dword_rows(block + offset, stride);
  }
  /// The byte at `offset` of every row; three more of the block must follow it.
  template <class S>
  WHET_INLINE typename S::vi bytes(size_t offset) const {
    return S::bit_and(dwords<S>(offset), S::set1_i(0xff));
  }
  template <class S>
  WHET_INLINE typename S::vf f16(size_t offset) const {
    return S::load_f16_rows(block + offset, stride);
  }
};

/// The same where interleave_rows() has put the rows of a panel into each other: what lay at
/// `offset` of a block begins at kLanes * offset. One stream; prefetched 2 KB ahead it is 5 to 10 %
/// faster than 1, 4 or 16 KB or a panel ahead (Zen 3, two threads, Q4_K and Q6_K, 1 to 4 tokens).
struct InterleavedRows {
  const uint8_t* block;
  const uint8_t* ahead = block + 2048;

  template <class S>
  WHET_INLINE InterleavedRows skip(size_t bytes) const {
    return {block + S::kLanes * bytes};
  }
  template <class S>
  WHET_INLINE void columns16(size_t offset, typename S::vi* out) const {
    unroll<4>([&](auto i) WHET_LAMBDA { out[i] = dwords<S>(offset + 4 * i); });
  }
  template <class S>
  WHET_INLINE typename S::vi dwords(size_t offset) const {
    return S::load_i(block + S::kLanes * offset);
  }
  template <class S>
  WHET_INLINE typename S::vi bytes(size_t offset) const {
    return S::load_bytes(block + S::kLanes * offset);
  }
  template <class S>
  WHET_INLINE typename S::vf f16(size_t offset) const {
    return S::load_f16(reinterpret_cast<const uint16_t*>(block + S::kLanes * offset));
  }
};

/// Part i of n of the lines of the share of a block of `Bytes` bytes; spread over the block and
/// never in one burst, which would fill the miss queue and stall the loads behind it.
template <class S, size_t N, size_t Bytes>
WHET_INLINE void prefetch_part(const uint8_t* ahead, size_t i) {
  constexpr size_t kLines = (Bytes / 64 + N) / N;
  unroll<kLines>([&](auto line) WHET_LAMBDA { S::prefetch(ahead + 64 * (kLines * i + line)); });
}

/// What a tile of tokens prefetches while it computes; nullptr: nothing. Between unpacking and the
/// tiles memory would stand still: with all lines requested while unpacking, eight tokens of Q6_K
/// from DRAM took 260 ns a block of Zen 3 instead of 230, those of Q4_K 195 instead of 189.
struct Ahead {
  const uint8_t* first = nullptr;
  const uint8_t* second = nullptr;
};
/// Its part for group g of N: of the largest K-quant, so that formats can share the code.
template <class S, size_t N>
WHET_INLINE void prefetch_group(const uint8_t* ahead, size_t g) {
  if (ahead != nullptr) prefetch_part<S, N, S::kLanes * sizeof(BlockQ6_K)>(ahead, g);
}

}  // namespace
}  // namespace whet::kernels
