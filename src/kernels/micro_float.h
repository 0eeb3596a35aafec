// Float weights. In every block of kFloatCols columns, column k adds to partial sum k % 8 by one
// fma per weight in column order; the eight sums meet at the end of the block, and the blocks are
// added in order. For few tokens a vector's lanes are columns, and the sums lie side by side in
// registers; for many they are tokens, and each sum has a pass of its own.
#pragma once

#include "kernels/activations.h"
#include "kernels/simd.h"

namespace whet::kernels {
namespace {

/// The value of a block: sums that are 4 apart first, then 2, 1.
template <class S>
WHET_INLINE typename S::vf total(typename S::vf* sums) {
  unroll<3>([&](auto step) WHET_LAMBDA {
    constexpr int kHalf = kPartialSums / 2 >> step;
    unroll<kHalf>([&](auto i) WHET_LAMBDA { sums[i] = S::add(sums[i], sums[i + kHalf]); });
  });
  return sums[0];
}

/// y[i] += total() of the sums that follow each other at partial[i], for n values.
template <class S>
WHET_INLINE void add_totals(const float (*partial)[kPartialSums], int n, float* y) {
  int at = 0;
  for (; at + S::kLanes <= n; at += S::kLanes) {
    typename S::vf sums[kPartialSums];
    unroll<2>([&](auto half) WHET_LAMBDA {
      typename S::vi four[4];
      S::transpose16(reinterpret_cast<const uint8_t*>(partial[at] + 4 * half), sizeof(partial[0]),
                     four);
      unroll<4>([&](auto i) WHET_LAMBDA { sums[4 * half + i] = S::as_float(four[i]); });
    });
    S::store_f(y + at, S::add(S::load_f(y + at), total<S>(sums)));
  }
  for (; at < n; ++at) {
    const float* p = partial[at];
    y[at] += ((p[0] + p[4]) + (p[2] + p[6])) + ((p[1] + p[5]) + (p[3] + p[7]));
  }
}

/// One partial sum of R rows of f32 weights by V vectors of tokens over n_steps columns. Row r is
/// at w + r * kFloatSteps, vector v at x + v * panel; their sums are returned at c + (r * V + v) *
/// kLanes.
template <class S, int R, int V>
WHET_INLINE void micro_float(const float* w, const float* x, size_t panel, size_t n_steps,
                             float* c) {
  using vf = typename S::vf;
  vf y[R * V];
  unroll<R * V>([&](auto u) WHET_LAMBDA { y[u] = S::zero_f(); });
#pragma GCC unroll 4
  for (size_t k = 0; k < n_steps; ++k) {
    vf q[V];
    unroll<V>([&](auto v)
                  WHET_LAMBDA { q[v] = S::held(S::load_f(x + v * panel + k * S::kLanes)); });
    unroll<R>([&](auto r) WHET_LAMBDA {
      const vf weight = S::held(S::set1_f(w[r * kFloatSteps + k]));
      unroll<V>([&](auto v) WHET_LAMBDA { y[r * V + v] = S::fma(weight, q[v], y[r * V + v]); });
    });
  }
  unroll<R * V>([&](auto u) WHET_LAMBDA { S::store_f(c + u * S::kLanes, y[u]); });
}

/// R rows from n (of one panel, where rows are interleaved) by T tokens over all their columns,
/// widened on the way: for few tokens, whose sums stay in registers. Row r of token t is returned
/// in y[r * T + t].
template <class S, class Source, int R, int T>
WHET_INLINE void fused_float(const Source& source, size_t n, const ActivationsFloat* x,
                             size_t n_tokens, size_t n_cols, float* y) {
  using vf = typename S::vf;
  using F = typename Source::Format;
  constexpr int P = kPartialSums / S::kLanes;
  std::memset(y, 0, R * T * sizeof(float));
  for (size_t k0 = 0; k0 < n_cols; k0 += kFloatCols, x += n_tokens) {
    vf sums[R * T * P];
    unroll<R * T * P>([&](auto u) WHET_LAMBDA { sums[u] = S::zero_f(); });
    const auto add = [&](const uint8_t* weights, size_t row_stride, size_t at) WHET_LAMBDA {
      unroll<P>([&](auto p) WHET_LAMBDA {
        unroll<R>([&](auto r) WHET_LAMBDA {
          const vf w =
              F::template load<S>(weights + r * row_stride + p * S::kLanes * size_t{F::kBytes});
          unroll<T>([&](auto t) WHET_LAMBDA {
            vf& sum = sums[(r * T + t) * P + p];
            sum = S::fma(w, S::load_f(x[t].x + at + p * S::kLanes), sum);
          });
        });
      });
    };
    const uint8_t* block = source.row(n) + Source::at(k0);
    const size_t cols = n_cols - k0 < kFloatCols ? n_cols - k0 : kFloatCols;
    const size_t n_whole = cols / kPartialSums * kPartialSums;
    for (size_t k = 0; k < n_whole; k += kPartialSums) {
      source.template prefetch<S, R>(block, k);
      add(block + Source::at(k), source.next_row(), k);
    }
    if (n_whole < cols) {  // the last columns, padded with zeros
      alignas(64) uint8_t padded[R][kPartialSums * F::kBytes] = {};
      for (size_t r = 0; r < R; ++r) {
        std::memcpy(padded[r], block + r * source.next_row() + Source::at(n_whole),
                    (cols - n_whole) * F::kBytes);
      }
      add(padded[0], sizeof(padded[0]), n_whole);
    }
    alignas(64) float partial[R * T][kPartialSums];
    unroll<R * T>([&](auto u) WHET_LAMBDA {
      unroll<P>([&](auto p)
                    WHET_LAMBDA { S::store_f(partial[u] + p * S::kLanes, sums[u * P + p]); });
    });
    add_totals<S>(partial, R * T, y);
  }
}

}  // namespace
}  // namespace whet::kernels
