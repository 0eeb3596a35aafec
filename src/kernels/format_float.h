// F32, F16, BF16: how a vector of columns is loaded, and where it lies.
#pragma once

#include "kernels/activations.h"
#include "kernels/kernels.h"
#include "kernels/simd.h"

namespace whet::kernels {
namespace {

struct FormatF32 {
  static constexpr int kBytes = 4;
  template <class S>
  static WHET_INLINE typename S::vf load(const uint8_t* p) {
    return S::load_f(reinterpret_cast<const float*>(p));
  }
};

struct FormatF16 {
  static constexpr int kBytes = 2;
  template <class S>
  static WHET_INLINE typename S::vf load(const uint8_t* p) {
    return S::load_f16(reinterpret_cast<const uint16_t*>(p));
  }
};

struct FormatBF16 {
  static constexpr int kBytes = 2;
  template <class S>
  static WHET_INLINE typename S::vf load(const uint8_t* p) {
    return S::load_bf16(reinterpret_cast<const uint16_t*>(p));
  }
};

/// Rows as they lie in the file: R rows are R streams of memory.
template <class F>
struct FileFloats {
  using Format = F;
  /// The widest vector of columns that lies in one piece.
  template <class S>
  using Vector = S;
  static constexpr size_t at(size_t k) { return k * F::kBytes; }  // of column k in its row

  const uint8_t* weights;
  size_t row_bytes;

  WHET_INLINE const uint8_t* row(size_t n) const { return weights + n * row_bytes; }
  WHET_INLINE size_t next_row() const { return row_bytes; }
  /// A part of panel of row n by columns [k, k + n_cols) that no other row has: where its
  /// n_cols * kBytes contiguous bytes begin.
  WHET_INLINE const uint8_t* share(size_t n, size_t k, size_t) const { return row(n) + at(k); }
  /// While R rows are read at column k, a multiple of kPartialSums: the same place of the next R.
  template <class S, int R>
  WHET_INLINE void prefetch(const uint8_t* row, size_t k) const {
    if (at(k) % 64 != 0) return;
    unroll<R>([&](auto r) WHET_LAMBDA { S::prefetch(row + (R + r) * row_bytes + at(k)); });
  }
};

/// Rows that interleave_rows() has put into each other, in panels of kInterleavedFloatRows: one
/// stream, prefetched 1 KB ahead. BF16 from DRAM on Zen 3, two threads: as fast as a plain read,
/// four rows of a file 6 to 8 % slower.
template <class F>
struct InterleavedFloats {
  using Format = F;
  template <class S>
  using Vector = typename S::FloatColumns;  // no more than kPartialSums columns
  static constexpr size_t kUnit = kPartialSums * F::kBytes;
  static constexpr size_t kUnits = kInterleavedFloatRows * kUnit;
  static constexpr size_t at(size_t k) {
    return k / kPartialSums * kUnits + k % kPartialSums * F::kBytes;
  }

  const uint8_t* weights;
  size_t row_bytes;

  WHET_INLINE const uint8_t* row(size_t n) const {
    return panel(n) + n % kInterleavedFloatRows * kUnit;
  }
  /// Inside a panel.
  static constexpr size_t next_row() { return kUnit; }
  WHET_INLINE const uint8_t* share(size_t n, size_t k, size_t n_cols) const {
    return panel(n) + at(k) + n % kInterleavedFloatRows * n_cols * F::kBytes;
  }
  template <class S, int R>
  WHET_INLINE void prefetch(const uint8_t* row, size_t k) const {
    unroll<kUnits / 64>([&](auto line)
                            WHET_LAMBDA { S::prefetch(row + at(k) + 1024 + 64 * line); });
  }

 private:
  WHET_INLINE const uint8_t* panel(size_t n) const {
    return weights + n / kInterleavedFloatRows * kInterleavedFloatRows * row_bytes;
  }
};

}  // namespace
}  // namespace whet::kernels
