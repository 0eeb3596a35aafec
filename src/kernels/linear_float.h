// The driver of products with float weights. Rows are contiguous in memory and so are their
// columns in a vector, so nothing is transposed: few tokens stream the rows as they lie; for many,
// groups of rows are widened to f32 once per block of columns and stay in L1 for a chunk of tokens.
#pragma once

#include "kernels/format_float.h"
#include "kernels/kernels.h"
#include "kernels/micro_float.h"
#include "kernels/tiles.h"

namespace whet::kernels {
namespace {

/// Rows and tokens that share L2: 16 KB of widened weights in L1, 128 KB of activations and as
/// much of partial sums.
inline constexpr int kFloatGroupRows = 16;
inline constexpr size_t kFloatChunkTokens = 128;
/// Up to this many tokens each row is read once for all of them.
inline constexpr size_t kFloatTiledTokens = 12;

/// Rows of a register tile of T tokens of fused_float(): as many as leave room for the weights.
template <class S, int T>
constexpr int fused_rows() {
  const int fit = S::kFloatSums / (T * kParts<S>);
  return fit >= 4 ? 4 : fit >= 2 ? 2 : 1;
}

/// T tokens, all in registers.
template <class S, class F, int T>
void float_narrow(const LinearArgs& a) {
  constexpr size_t R = fused_rows<S, T>();
  const auto* x = static_cast<const ActivationsFloat*>(a.activations);
  const size_t stride = a.n_cols * F::kBytes;
  const uint8_t* weights = static_cast<const uint8_t*>(a.weights);
  const auto rows = [&](auto n_rows, size_t n) WHET_LAMBDA {
    float y[n_rows * T];
    fused_float<S, F, n_rows, T>(weights + n * stride, stride, R * stride, x, a.n_tokens, a.n_cols,
                                 y);
    for (size_t r = 0; r < n_rows; ++r) {
      for (size_t t = 0; t < T; ++t) a.y[t * a.y_stride + n + r] = y[r * T + t];
    }
  };
  size_t n = a.row_begin;
  for (; n + R <= a.row_end; n += R) rows(Index<R>{}, n);
  for (; n < a.row_end; ++n) rows(Index<1>{}, n);
}

/// A few tiles of tokens: each row is read from memory once and from cache for the other tiles.
template <class S, class F>
void float_tiled_rows(const LinearArgs& a) {
  const auto* x = static_cast<const ActivationsFloat*>(a.activations);
  const size_t stride = a.n_cols * F::kBytes;
  for (size_t n = a.row_begin; n < a.row_end; ++n) {
    const uint8_t* row = static_cast<const uint8_t*>(a.weights) + n * stride;
    for_tiles<S::kFusedTokens>(a.n_tokens, [&](auto n_tile, size_t t) WHET_LAMBDA {
      float y[n_tile];
      fused_float<S, F, 1, n_tile>(row, stride, stride, x + t, a.n_tokens, a.n_cols, y);
      for (size_t i = 0; i < n_tile; ++i) a.y[(t + i) * a.y_stride + n] = y[i];
    });
  }
}

/// Columns [k0, k0 + n_cols) of rows [n, n + n_rows) as f32 with stride kFloatCols, padded with
/// zeros to whole tiles of rows and to a multiple of kPartialSums columns, which is returned.
template <class S, class F>
WHET_INLINE int widen_rows(const LinearArgs& a, size_t n, size_t n_rows, size_t k0, size_t n_cols,
                           float* out) {
  const size_t padded = (n_cols + kPartialSums - 1) / kPartialSums * kPartialSums;
  const size_t stride = a.n_cols * F::kBytes;
  for (size_t r = 0; r < kFloatGroupRows; ++r) {
    float* to = out + r * kFloatCols;
    if (r >= n_rows) {
      std::memset(to, 0, padded * sizeof(float));
      continue;
    }
    const uint8_t* from =
        static_cast<const uint8_t*>(a.weights) + (n + r) * stride + k0 * F::kBytes;
    for (size_t at = 0; at < n_cols * F::kBytes; at += 64) {
      S::prefetch(from + kFloatGroupRows * stride + at);
    }
    size_t k = 0;
    for (; k + S::kLanes <= n_cols; k += S::kLanes) {
      S::store_f(to + k, F::template load<S>(from + k * F::kBytes));
    }
    if (k < n_cols) {
      alignas(64) uint8_t tail[S::kLanes * F::kBytes] = {};
      std::memcpy(tail, from + k * F::kBytes, (n_cols - k) * F::kBytes);
      S::store_f(to + k, F::template load<S>(tail));
      k += S::kLanes;
    }
    if (k < padded) std::memset(to + k, 0, (padded - k) * sizeof(float));
  }
  return static_cast<int>(padded);
}

/// Brings to L1 what the tile after that of rows [r, r + R) and tokens [t, t + T) reads: its sums,
/// and a share of the next tokens' activations. Without it a hot F16 matrix takes a tenth longer.
template <int R, int T>
WHET_INLINE void prefetch_next_tile(size_t r, size_t t, size_t n_rows, const ActivationsFloat* x,
                                    const float (*sums)[kFloatGroupRows][kPartialSums]) {
  constexpr size_t kShare = T * sizeof(*x) * R / kFloatGroupRows;
  const auto* next = reinterpret_cast<const char*>(x + t + T) + r / R * kShare;
  for (size_t at = 0; at < kShare; at += 64) __builtin_prefetch(next + at);
  const bool same_tokens = r + R < n_rows;
  const auto* next_sums = sums + (same_tokens ? t : t + T);
  for (size_t i = 0; i < T; ++i) {
    for (size_t j = 0; j < R; ++j) __builtin_prefetch(next_sums[i][same_tokens ? r + R + j : j]);
  }
}

/// All tokens of a chunk by one group of rows. Out of line, because the formats share it.
template <class S>
WHET_NOINLINE void float_tiles(const float* w, size_t n_rows, const ActivationsFloat* x,
                               size_t n_tokens, int n_cols,
                               float (*sums)[kFloatGroupRows][kPartialSums]) {
  constexpr int R = S::kFloatTileRows;
  static_assert(kFloatGroupRows % R == 0);
  for_tiles<S::kFloatTileTokens>(n_tokens, [&](auto n, size_t t) WHET_LAMBDA {
    for (size_t r = 0; r < n_rows; r += R) {
      prefetch_next_tile<R, n>(r, t, n_rows, x, sums);
      micro_float<S, R, n, kFloatGroupRows>(w + r * kFloatCols, x + t, n_cols, sums[t][r]);
    }
  });
}

template <class S, class F>
void float_wide(const LinearArgs& a) {
  using RowSums = float[kPartialSums];
  static_assert(kFloatChunkTokens * kFloatGroupRows * kPartialSums <= kSums);
  auto* const sums = reinterpret_cast<RowSums(*)[kFloatGroupRows]>(chunk_sums());
  alignas(64) float w[kFloatGroupRows * kFloatCols];
  const auto* x = static_cast<const ActivationsFloat*>(a.activations);
  for (size_t n = a.row_begin; n < a.row_end; n += kFloatGroupRows) {
    const size_t rows_left = a.row_end - n;
    const size_t n_rows = rows_left < kFloatGroupRows ? rows_left : kFloatGroupRows;
    for (size_t t0 = 0; t0 < a.n_tokens; t0 += kFloatChunkTokens) {
      const size_t tokens_left = a.n_tokens - t0;
      const size_t n_tokens = tokens_left < kFloatChunkTokens ? tokens_left : kFloatChunkTokens;
      std::memset(sums, 0, n_tokens * sizeof(sums[0]));
      const ActivationsFloat* block = x + t0;
      for (size_t k = 0; k < a.n_cols; k += kFloatCols, block += a.n_tokens) {
        const size_t cols_left = a.n_cols - k;
        const int n_cols =
            widen_rows<S, F>(a, n, n_rows, k, cols_left < kFloatCols ? cols_left : kFloatCols, w);
        float_tiles<S>(w, n_rows, block, n_tokens, n_cols, sums);
      }
      for (size_t t = 0; t < n_tokens; ++t) {
        float* y = a.y + (t0 + t) * a.y_stride + n;
        size_t r = 0;
        for (; r + S::kLanes <= n_rows; r += S::kLanes) {
          S::store_f(y + r, totals<S>(sums[t][r]));
        }
        for (; r < n_rows; ++r) y[r] = total(sums[t][r]);
      }
    }
  }
}

template <class S, class F>
void linear_float(const LinearArgs& a) {
  if (a.n_tokens == 0) return;
  bool done = false;
  unroll<S::kFusedTokens>([&](auto t) WHET_LAMBDA {
    if (a.n_tokens == t + 1) {
      float_narrow<S, F, t + 1>(a);
      done = true;
    }
  });
  if (done) return;
  if constexpr (S::kFusedTokens > 0) {
    if (a.n_tokens <= kFloatTiledTokens) return float_tiled_rows<S, F>(a);
  }
  float_wide<S, F>(a);
}

}  // namespace
}  // namespace whet::kernels
