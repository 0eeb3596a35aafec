// The driver of products with float weights. Few tokens stream the rows as they lie in memory. For
// many, a group of rows is widened to f32 once per block of columns, and every partial sum has a
// pass of its own over the group and a tile of tokens, both of which fit L1.
#pragma once

#include "kernels/format_float.h"
#include "kernels/kernels.h"
#include "kernels/micro_float.h"
#include "kernels/tiles.h"

namespace whet::kernels {
namespace {

/// Rows of a group: 128 KB of widened weights in L2, 16 KB of one partial sum in L1.
inline constexpr size_t kFloatGroupRows = 32;

/// Rows of a register tile of T tokens of fused_float(): as many as leave room for the weights, at
/// most four. Eight streams of BF16 from DRAM are a tenth slower on Zen 3, two or one as well.
template <class S, int T>
constexpr int fused_rows() {
  const int fit = S::kFloatSums * S::kLanes / (T * int{kPartialSums});
  return fit >= 4 ? 4 : fit >= 2 ? 2 : 1;
}

template <class Source>
WHET_INLINE Source source_of(const LinearArgs& a) {
  return {static_cast<const uint8_t*>(a.weights), a.n_cols * Source::Format::kBytes};
}

/// T tokens, all in registers.
template <class S, class Source, int T>
void float_narrow(const LinearArgs& a) {
  constexpr size_t R = fused_rows<S, T>();
  const auto* x = static_cast<const ActivationsFloat*>(a.activations);
  const auto source = source_of<Source>(a);
  const auto rows = [&](auto n_rows, size_t n) WHET_LAMBDA {
    float y[n_rows * T];
    fused_float<S, Source, n_rows, T>(source, n, x, a.n_tokens, a.n_cols, y);
    for (size_t r = 0; r < n_rows; ++r) {
      for (size_t t = 0; t < T; ++t) a.y[t * a.y_stride + n + r] = y[r * T + t];
    }
  };
  size_t n = a.row_begin;
  for (; n + R <= a.row_end; n += R) rows(Index<R>{}, n);
  for (; n < a.row_end; ++n) rows(Index<1>{}, n);
}

/// A few tiles of tokens: rows are read from memory once and from cache for the other tiles.
template <class S, class Source, int T>
void float_tiled_rows(const LinearArgs& a) {
  constexpr size_t R = fused_rows<S, T>();
  const auto* x = static_cast<const ActivationsFloat*>(a.activations);
  const auto source = source_of<Source>(a);
  const auto rows = [&](auto n_rows, size_t n) WHET_LAMBDA {
    for_tiles<T>(a.n_tokens, [&](auto n_tile, size_t t) WHET_LAMBDA {
      float y[n_rows * n_tile];
      fused_float<S, Source, n_rows, n_tile>(source, n, x + t, a.n_tokens, a.n_cols, y);
      for (size_t r = 0; r < n_rows; ++r) {
        for (size_t i = 0; i < n_tile; ++i) a.y[(t + i) * a.y_stride + n + r] = y[r * n_tile + i];
      }
    });
  };
  size_t n = a.row_begin;
  for (; n + R <= a.row_end; n += R) rows(Index<R>{}, n);
  for (; n < a.row_end; ++n) rows(Index<1>{}, n);
}

/// The widened weights of a group: what one partial sum needs is contiguous. The padding keeps the
/// same place of all sums out of one set of L1.
struct FloatGroup {
  struct alignas(64) Sum {
    float w[kFloatGroupRows][kFloatSteps];
    float padding[16];
  } sums[kPartialSums];
};

/// Columns [k0, k0 + n_cols) of rows [n, n + n_rows), padded with zeros to whole tiles of rows and
/// to a multiple of kPartialSums columns.
template <class S, class Source>
WHET_INLINE void widen_group(const Source& source, size_t n, size_t n_rows, size_t k0,
                             size_t n_cols, FloatGroup& group) {
  using F = typename Source::Format;
  using Vector = typename Source::template Vector<S>;
  const size_t n_steps = (n_cols + kPartialSums - 1) / kPartialSums;
  alignas(64) float row[kFloatCols];
  for (size_t r = 0; r < kFloatGroupRows; ++r) {
    if (r >= n_rows) {
      if (r % S::kFloatTileRows == 0) break;
      for (auto& sum : group.sums) std::memset(sum.w[r], 0, n_steps * sizeof(float));
      continue;
    }
    const uint8_t* from = source.row(n + r) + Source::at(k0);
    size_t k = 0;
    for (; k + Vector::kLanes <= n_cols; k += Vector::kLanes) {
      Vector::store_f(row + k, F::template load<Vector>(from + Source::at(k)));
    }
    if (k < n_cols) {
      alignas(64) uint8_t tail[Vector::kLanes * F::kBytes] = {};
      std::memcpy(tail, from + Source::at(k), (n_cols - k) * F::kBytes);
      Vector::store_f(row + k, F::template load<Vector>(tail));
      k += Vector::kLanes;
    }
    // Whole vectors of steps; what lies beyond n_steps is never read.
    const size_t padded = (n_steps + S::kLanes - 1) / S::kLanes * S::kLanes * kPartialSums;
    if (k < padded) std::memset(row + k, 0, (padded - k) * sizeof(float));
    for (size_t step = 0; step < n_steps; step += S::kLanes) {
      for (size_t i = 0; i < kPartialSums; i += 4) {
        typename S::vi columns[4];
        S::transpose16(reinterpret_cast<const uint8_t*>(row + step * kPartialSums + i),
                       kPartialSums * sizeof(float), columns);
        unroll<4>([&](auto j)
                      WHET_LAMBDA { S::store_i(group.sums[i + j].w[r] + step, columns[j]); });
      }
    }
  }
}

/// The partial sums of a group by V vectors of tokens, over one block of columns. Padded like
/// FloatGroup.
template <class S, int V>
struct FloatSums {
  struct alignas(64) Sum {
    float y[kFloatGroupRows][V][S::kLanes];
    float padding[16];
  } sums[kPartialSums];
};

/// Adds (or stores, if first) the totals of a group to the rows of y, which are contiguous, of the
/// n_tokens tokens of vector v.
template <class S, int V>
WHET_INLINE void store_totals(const FloatSums<S, V>& sums, size_t v, size_t n_rows, size_t n_tokens,
                              bool first, float* y, size_t y_stride) {
  using vf = typename S::vf;
  alignas(64) float rows[kFloatGroupRows][S::kLanes];
  for (size_t r = 0; r < n_rows; ++r) {
    vf partial[kPartialSums];
    unroll<kPartialSums>([&](auto i) WHET_LAMBDA { partial[i] = S::load_f(sums.sums[i].y[r][v]); });
    S::store_f(rows[r], total<S>(partial));
  }
  size_t r = 0;
  for (; r + S::kLanes <= n_rows; r += S::kLanes) {
    for (size_t t = 0; t < n_tokens; t += 4) {
      typename S::vi tokens[4];
      S::transpose16(reinterpret_cast<const uint8_t*>(rows[r] + t), sizeof(rows[0]), tokens);
      unroll<4>([&](auto i) WHET_LAMBDA {
        if (t + i >= n_tokens) return;
        float* to = y + (t + i) * y_stride + r;
        S::store_f(to, S::add(first ? S::zero_f() : S::load_f(to), S::as_float(tokens[i])));
      });
    }
  }
  for (; r < n_rows; ++r) {
    for (size_t t = 0; t < n_tokens; ++t) {
      float& to = y[t * y_stride + r];
      to = (first ? 0.0f : to) + rows[r][t];
    }
  }
}

/// The weights that are widened next: those of row r lie in share_bytes bytes at
/// first + r / kInterleavedFloatRows * panel_stride + r % kInterleavedFloatRows * share_stride.
struct FloatAhead {
  const uint8_t* first;
  size_t panel_stride, share_stride, share_bytes;

  /// Part i of kPartialSums of rows [r, r + n_rows).
  template <class S>
  WHET_INLINE void prefetch(size_t i, size_t r, size_t n_rows) const {
    const size_t bytes = share_bytes / kPartialSums;
    for (size_t end = r + n_rows; r < end; ++r) {
      const uint8_t* from = first + r / kInterleavedFloatRows * panel_stride +
                            r % kInterleavedFloatRows * share_stride + i * bytes;
      for (size_t at = 0; at < bytes; at += 64) S::prefetch(from + at);
    }
  }
};
template <class Source>
WHET_INLINE FloatAhead ahead_of(const Source& source, size_t n, size_t k, size_t n_cols) {
  const uint8_t* first = source.share(n, k, n_cols);
  const auto from_first = [&](size_t r) WHET_LAMBDA {
    return static_cast<size_t>(source.share(n + r, k, n_cols) - first);
  };
  return {first, from_first(kInterleavedFloatRows), from_first(1), n_cols * Source::Format::kBytes};
}

/// A group of rows by all tokens over one block of columns. The last tile of tokens prefetches:
/// what is requested earlier the activations push out of L2 again (BF16 on Zen 3, one thread: with
/// 32 tokens 7 % slower, with 128 3 %). Out of line, because the formats share it.
template <class S>
WHET_NOINLINE void float_tiles(const FloatGroup& group, size_t n_rows, const ActivationsFloat* x,
                               size_t n_tokens, size_t n_steps, bool first, float* y,
                               size_t y_stride, const FloatAhead& ahead) {
  constexpr int R = S::kFloatTileRows;
  static_assert(kFloatGroupRows % R == 0);
  constexpr size_t kPanel = S::kLanes * sizeof(*x) / sizeof(float);
  const size_t n_panels = (n_tokens + S::kLanes - 1) / S::kLanes;
  for_tiles<S::kFloatTileVectors>(n_panels, [&](auto n, size_t p) WHET_LAMBDA {
    FloatSums<S, n> sums;
    for (size_t i = 0; i < kPartialSums; ++i) {
      const float* tokens = x[p * S::kLanes].x + i * kFloatSumStride * S::kLanes;
      for (size_t r = 0; r < n_rows; r += R) {
        if (p + n == n_panels) ahead.prefetch<S>(i, r, R);
        micro_float<S, R, n>(group.sums[i].w[r], tokens, kPanel, n_steps, sums.sums[i].y[r][0]);
      }
    }
    for (size_t v = 0; v < n; ++v) {
      const size_t t = (p + v) * S::kLanes, left = n_tokens - t;
      store_totals<S, n>(sums, v, n_rows, left < S::kLanes ? left : S::kLanes, first,
                         y + t * y_stride, y_stride);
    }
  });
}

template <class S, class Source>
void float_wide(const LinearArgs& a) {
  const auto source = source_of<Source>(a);
  FloatGroup group;
  const size_t n_panels = (a.n_tokens + S::kLanes - 1) / S::kLanes;
  for (size_t n = a.row_begin; n < a.row_end; n += kFloatGroupRows) {
    const size_t rows_left = a.row_end - n;
    const size_t n_rows = rows_left < kFloatGroupRows ? rows_left : kFloatGroupRows;
    const auto* x = static_cast<const ActivationsFloat*>(a.activations);
    const auto cols_at = [&](size_t k) WHET_LAMBDA {
      return a.n_cols - k < kFloatCols ? a.n_cols - k : kFloatCols;
    };
    for (size_t k = 0; k < a.n_cols; k += kFloatCols, x += n_panels * S::kLanes) {
      const size_t n_cols = cols_at(k), next = k + kFloatCols;
      widen_group<S>(source, n, n_rows, k, n_cols, group);
      const FloatAhead ahead = next < a.n_cols
                                   ? ahead_of(source, n, next, cols_at(next))
                                   : ahead_of(source, n + kFloatGroupRows, 0, cols_at(0));
      float_tiles<S>(group, n_rows, x, a.n_tokens, (n_cols + kPartialSums - 1) / kPartialSums,
                     k == 0, a.y + n, a.y_stride, ahead);
    }
  }
}

template <class S, class Source>
void linear_float(const LinearArgs& a) {
  using Columns = typename S::FloatColumns;
  if (a.n_tokens == 0) return;
  if (a.n_tokens > kFewFloatTokens) return float_wide<S, Source>(a);
  bool done = false;
  unroll<S::kFusedFloatTokens>([&](auto t) WHET_LAMBDA {
    if (a.n_tokens == t + 1) {
      float_narrow<Columns, Source, t + 1>(a);
      done = true;
    }
  });
  if (!done) float_tiled_rows<Columns, Source, S::kFusedFloatTokens>(a);
}

}  // namespace
}  // namespace whet::kernels
