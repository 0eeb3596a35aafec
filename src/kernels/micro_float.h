// Float weights: a vector's lanes are columns, and column k of a row adds to partial sum k % 16,
// whatever the vector's width. One fma per weight, in column order; a row's 16 sums meet at its
// end.
#pragma once

#include "kernels/activations.h"
#include "kernels/simd.h"

namespace whet::kernels {
namespace {

inline constexpr int kPartialSums = 16;

/// Steps of the vector through the partial sums.
template <class S>
inline constexpr int kParts = kPartialSums / S::kLanes;

/// The value of a row: sums that are 8 apart first, then 4, 2, 1.
WHET_INLINE float total(const float* partial) {
  float sums[kPartialSums];
  std::memcpy(sums, partial, sizeof(sums));
  for (int half = kPartialSums / 2; half > 0; half /= 2) {
    for (int i = 0; i < half; ++i) sums[i] += sums[i + half];
  }
  return sums[0];
}

/// total() of kLanes rows whose partial sums follow each other.
template <class S>
WHET_INLINE typename S::vf totals(const float* partial) {
  typename S::vf sums[kPartialSums];
  for (int i = 0; i < kPartialSums; i += 4) {
    typename S::vi columns[4];
    S::transpose16(reinterpret_cast<const uint8_t*>(partial + i), kPartialSums * sizeof(float),
                   columns);
    unroll<4>([&](auto j) WHET_LAMBDA { sums[i + j] = S::as_float(columns[j]); });
  }
  unroll<4>([&](auto step) WHET_LAMBDA {
    constexpr int kHalf = kPartialSums / 2 >> step;
    unroll<kHalf>([&](auto i) WHET_LAMBDA { sums[i] = S::add(sums[i], sums[i + kHalf]); });
  });
  return sums[0];
}

/// R rows of f32 weights by T tokens over n_cols (a multiple of 16) columns of one block. Row r is
/// at w + r * kFloatCols; its partial sums of token t are at c + (t * CRows + r) * kPartialSums.
template <class S, int R, int T, int CRows>
WHET_INLINE void micro_float(const float* w, const ActivationsFloat* x, int n_cols, float* c) {
  using vf = typename S::vf;
  for (int part = 0; part < kPartialSums; part += S::kLanes) {
    vf y[R * T];
    unroll<R * T>([&](auto u) WHET_LAMBDA {
      y[u] = S::load_f(c + (u % T * CRows + u / T) * kPartialSums + part);
    });
#pragma GCC unroll 4
    for (int k = part; k < n_cols; k += kPartialSums) {
      vf q[T];
      unroll<T>([&](auto t) WHET_LAMBDA { q[t] = S::load_f(x[t].x + k); });
      unroll<R>([&](auto r) WHET_LAMBDA {
        const vf weights = S::held(S::load_f(w + r * kFloatCols + k));
        unroll<T>([&](auto t) WHET_LAMBDA { y[r * T + t] = S::fma(weights, q[t], y[r * T + t]); });
      });
    }
    unroll<R * T>([&](auto u) WHET_LAMBDA {
      S::store_f(c + (u % T * CRows + u / T) * kPartialSums + part, y[u]);
    });
  }
}

/// R rows, `stride` bytes apart and of any float format F, by T tokens over all their columns,
/// widened on the way: for few tokens, whose sums stay in registers. The lines at the same place
/// `ahead` bytes further are prefetched. Row r of token t is returned in y[r * T + t].
template <class S, class F, int R, int T>
WHET_INLINE void fused_float(const uint8_t* rows, size_t stride, size_t ahead,
                             const ActivationsFloat* x, size_t n_tokens, size_t n_cols, float* y) {
  using vf = typename S::vf;
  constexpr int P = kParts<S>;
  vf sums[R * T * P];
  unroll<R * T * P>([&](auto u) WHET_LAMBDA { sums[u] = S::zero_f(); });
  const auto add = [&](const uint8_t* weights, size_t row_stride, const ActivationsFloat* block,
                       size_t at) WHET_LAMBDA {
    unroll<P>([&](auto p) WHET_LAMBDA {
      unroll<R>([&](auto r) WHET_LAMBDA {
        const vf w =
            F::template load<S>(weights + r * row_stride + p * S::kLanes * size_t{F::kBytes});
        unroll<T>([&](auto t) WHET_LAMBDA {
          vf& sum = sums[(r * T + t) * P + p];
          sum = S::fma(w, S::load_f(block[t].x + at + p * S::kLanes), sum);
        });
      });
    });
  };
  const size_t n_whole = n_cols / kPartialSums * kPartialSums;
  for (size_t k0 = 0; k0 < n_whole; k0 += kFloatCols, x += n_tokens) {
    const size_t end = n_whole - k0 < kFloatCols ? n_whole - k0 : kFloatCols;
    const uint8_t* block = rows + k0 * F::kBytes;
    for (size_t k = 0; k < end; k += kPartialSums) {
      if (k * F::kBytes % 64 == 0) {
        unroll<R>([&](auto r)
                      WHET_LAMBDA { S::prefetch(block + r * stride + ahead + k * F::kBytes); });
      }
      add(block + k * F::kBytes, stride, x, k);
    }
  }
  if (n_whole < n_cols) {  // the last columns, padded with zeros
    alignas(64) uint8_t padded[R][kPartialSums * F::kBytes] = {};
    for (size_t r = 0; r < R; ++r) {
      std::memcpy(padded[r], rows + r * stride + n_whole * F::kBytes,
                  (n_cols - n_whole) * F::kBytes);
    }
    const size_t at = n_whole % kFloatCols;
    add(padded[0], sizeof(padded[0]), at == 0 ? x : x - n_tokens, at);
  }
  unroll<R * T>([&](auto u) WHET_LAMBDA {
    alignas(64) float partial[kPartialSums];
    unroll<P>([&](auto p) WHET_LAMBDA { S::store_f(partial + p * S::kLanes, sums[u * P + p]); });
    y[u] = total(partial);
  });
}

}  // namespace
}  // namespace whet::kernels
