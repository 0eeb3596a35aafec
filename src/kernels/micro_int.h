// The integer micro-kernels: R panels (lanes = rows) by T tokens over 256 columns. Weight codes are
// loaded, activations broadcast four bytes at a time, everything inside a scale group is integer.
// Order of float operations per (row, token): K-quants one fma per 256 columns (and one for the
// mins), 32-blocks one per 32 (and one for the mins).
#pragma once

#include "kernels/activations.h"
#include "kernels/panel.h"

namespace whet::kernels {
namespace {

/// How many dot() steps of 8 (16-bit) products fit before a 16-bit accumulator must be flushed:
/// steps * 2 * max_code * 127 <= 32767. Intermediate sums may wrap, the last one is exact.
template <class S>
constexpr int steps_per_flush(int max_code, int group_steps) {
  if (S::kWideDot) return group_steps;
  int steps = group_steps;
  while (steps * 2 * max_code * 127 > 32767) steps /= 2;
  return steps;
}

/// The float end of 256 columns: c[t * R * kLanes + lane] += d * dx * sum - d_min * dx * mins.
template <class S, class F, int R, int T>
WHET_INLINE void finish256(const Header256<S>& header, const typename S::vi* sum,
                           const Activations256* x, float* c) {
  using vi = typename S::vi;
  using vf = typename S::vf;
  unroll<T>([&](auto t) WHET_LAMBDA {
    const vf dx = S::set1_f(x[t].d);
    float* out = c + t * R * S::kLanes;
    vf y = S::fma(S::to_float(sum[t]), S::mul(S::load_f(header.d), dx), S::load_f(out));
    if constexpr (F::kMins == 8) {
      vi mins = S::zero_i();
      unroll<4>([&](auto p) WHET_LAMBDA {
        const vi sums = S::broadcast4(x[t].sums + 2 * p);
        mins = S::add32(mins, S::madd16(S::load_i(header.mins[p]), sums));
      });
      y = S::fnma(S::to_float(mins), S::mul(S::load_f(header.d_min), dx), y);
    }
    if constexpr (F::kMins == 16) {  // -32 * sum of 16 codes is what offset[] holds
      vi mins = S::zero_i();
      unroll<16>([&](auto g) WHET_LAMBDA {
        const vi sums = S::broadcast4(&x[t].offset[g]);
        mins = S::add32(mins, S::mul_scale(sums, S::load_i(header.mins[g])));
      });
      y = S::fma(S::to_float(mins), S::mul(S::load_f(header.d_min), dx), y);
    }
    S::store_f(out, y);
  });
}

/// c[t * R * kLanes + r * kLanes + lane] += panels[r] · tokens[t]. Prefetches at least what a panel
/// takes in memory from where `ahead` points to, spread evenly, if it does.
template <class S, class F, int R, int T>
WHET_INLINE void micro256(const Panel256<S>* panels, const Activations256* x, Ahead ahead,
                          float* c) {
  using vi = typename S::vi;
  constexpr int kGroupSteps = F::kGroup / 4;
  constexpr int kSteps = steps_per_flush<S>(F::kMaxCode, kGroupSteps);
  static_assert(F::kOffset == 0 || kSteps == 4, "an offset covers 16 columns");
  vi sum[R * T];
  unroll<R * T>([&](auto u) WHET_LAMBDA { sum[u] = S::zero_i(); });
  for (int g = 0; g < 256 / F::kGroup; ++g) {
    prefetch_group<S, 256 / F::kGroup>(ahead.first, g);
    prefetch_group<S, 256 / F::kGroup>(ahead.second, g);
    unroll<kGroupSteps / kSteps>([&](auto part) WHET_LAMBDA {
      vi acc[R * T];
      const int step0 = g * kGroupSteps + part * kSteps;
      unroll<T>([&](auto t) WHET_LAMBDA {
        const vi start = F::kOffset != 0 ? S::broadcast4(&x[t].offset[step0 / 4]) : S::zero_i();
        unroll<R>([&](auto r) WHET_LAMBDA { acc[t * R + r] = start; });
      });
      unroll<kSteps>([&](auto k) WHET_LAMBDA {
        vi w[R];
        unroll<R>([&](auto r) WHET_LAMBDA { w[r] = S::load_i(panels[r].codes[step0 + k]); });
        unroll<T>([&](auto t) WHET_LAMBDA {
          const auto q = S::quad(x[t].q + 4 * (step0 + k));
          unroll<R>([&](auto r) WHET_LAMBDA { acc[t * R + r] = S::dot(acc[t * R + r], w[r], q); });
        });
      });
      unroll<R>([&](auto r) WHET_LAMBDA {
        const vi scale = S::load_i(panels[r].header.scales[g]);
        unroll<T>([&](auto t) WHET_LAMBDA {
          sum[t * R + r] = S::add32(sum[t * R + r], S::mul_scale(acc[t * R + r], scale));
        });
      });
    });
  }
  unroll<R>([&](auto r) WHET_LAMBDA {
    vi mine[T];
    unroll<T>([&](auto t) WHET_LAMBDA { mine[t] = sum[t * R + r]; });
    finish256<S, F, R, T>(panels[r].header, mine, x, c + r * S::kLanes);
  });
}

/// Unpacks a block in parts: body(part, unpack) with unpack(put) calling put(Index<i>, codes) as
/// unpack_part() does. A loop, because a whole block of straight-line code is more than the op
/// cache of Zen 3 holds when it is shared: with four tokens it took up to twice the time.
template <class S, class F, class Source, class Body>
WHET_INLINE void for_parts(const Source& src, Header256<S>& header, Body body) {
  auto carried = F::template begin<S>(src, header);
  for (size_t part = 0; part < F::kParts; ++part) {
    body(part, [&](auto put) WHET_LAMBDA { F::template unpack_part<S>(src, part, carried, put); });
  }
}

/// One panel by T tokens, every code multiplied as it is unpacked: for few tokens the way through
/// memory would cost more than it saves (64 stores per 256 columns, one per cycle on Zen 3).
template <class S, class F, int T, class Source>
WHET_INLINE void fused256(const Source& src, const Activations256* x, float* c) {
  using vi = typename S::vi;
  constexpr int kGroupSteps = F::kGroup / 4;
  constexpr int kSteps = steps_per_flush<S>(F::kMaxCode, kGroupSteps);
  Header256<S> header;
  vi sum[T];
  unroll<T>([&](auto t) WHET_LAMBDA { sum[t] = S::zero_i(); });
  for_parts<S, F>(src, header, [&](size_t part, auto unpack) WHET_LAMBDA {
    prefetch_part<S, F::kParts, S::kLanes * sizeof(typename F::Block)>(src.ahead, part);
    const size_t step0 = F::first_step(part);
    const auto* scales = header.scales + step0 / kGroupSteps;
    vi acc[64 / kSteps][T];
    unpack([&](auto step, vi codes) WHET_LAMBDA {
      constexpr int sub = step / kSteps, at = step % kSteps;
      unroll<T>([&](auto t) WHET_LAMBDA {
        if constexpr (at == 0) {
          acc[sub][t] =
              F::kOffset != 0 ? S::broadcast4(x[t].offset + step0 / 4 + step / 4) : S::zero_i();
        }
        acc[sub][t] = S::dot(acc[sub][t], codes, S::quad(x[t].q + 4 * step0 + 4 * step));
        if constexpr (at == kSteps - 1) {
          const vi scale = S::load_i(scales[step / kGroupSteps]);
          sum[t] = S::add32(sum[t], S::mul_scale(acc[sub][t], scale));
        }
      });
    });
  });
  finish256<S, F, 1, T>(header, sum, x, c);
}

/// 32-blocks: R panels by T tokens over n_groups groups of 32 columns.
template <class S, class F, int R, int T>
WHET_INLINE void micro32(const Panel32<S>* panels, const Activations32* x, int n_groups, float* c) {
  using vi = typename S::vi;
  using vf = typename S::vf;
  vf y[R * T];
  unroll<R * T>([&](auto u) WHET_LAMBDA { y[u] = S::load_f(c + u * S::kLanes); });
  for (int g = 0; g < n_groups; ++g) {
    vi acc[R * T];
    if constexpr (F::kSigned) {
      unroll<R * T>([&](auto u) WHET_LAMBDA { acc[u] = S::signed_start(&x[u / R].offset[g]); });
      unroll<8>([&](auto k) WHET_LAMBDA {
        typename S::SignedWeights w[R];
        unroll<R>([&](auto r) WHET_LAMBDA {
          w[r] = S::signed_weights(S::load_i(panels[r].codes[8 * g + k]));
        });
        unroll<T>([&](auto t) WHET_LAMBDA {
          const auto q = S::quad(x[t].q + 32 * g + 4 * k);
          unroll<R>([&](auto r)
                        WHET_LAMBDA { acc[t * R + r] = S::dot_signed(acc[t * R + r], w[r], q); });
        });
      });
    } else {
      constexpr int kSteps = steps_per_flush<S>(F::kMaxCode, 8);
      static_assert(F::kOffset == 0 || kSteps == 8, "an offset covers 32 columns");
      unroll<8 / kSteps>([&](auto part) WHET_LAMBDA {
        vi partial[R * T];
        unroll<T>([&](auto t) WHET_LAMBDA {
          const vi start = F::kOffset != 0 ? S::broadcast4(&x[t].offset[g]) : S::zero_i();
          unroll<R>([&](auto r) WHET_LAMBDA { partial[t * R + r] = start; });
        });
        unroll<kSteps>([&](auto k) WHET_LAMBDA {
          constexpr int step = part * kSteps + k;
          vi w[R];
          unroll<R>([&](auto r) WHET_LAMBDA { w[r] = S::load_i(panels[r].codes[8 * g + step]); });
          unroll<T>([&](auto t) WHET_LAMBDA {
            const auto q = S::quad(x[t].q + 32 * g + 4 * step);
            unroll<R>([&](auto r) WHET_LAMBDA {
              partial[t * R + r] = S::dot(partial[t * R + r], w[r], q);
            });
          });
        });
        unroll<R * T>([&](auto u) WHET_LAMBDA {
          acc[u] = part == 0 ? S::widen(partial[u]) : S::add32(acc[u], S::widen(partial[u]));
        });
      });
    }
    unroll<T>([&](auto t) WHET_LAMBDA {
      const vf dx = S::set1_f(x[t].d[g]);
      unroll<R>([&](auto r) WHET_LAMBDA {
        constexpr int u = t * R + r;
        const Factors32<S>& factors = panels[r].factors[g];
        y[u] = S::fma(S::to_float(acc[u]), S::mul(factors.d, dx), y[u]);
        if constexpr (F::kMins) y[u] = S::fma(factors.m, S::set1_f(x[t].sums[g]), y[u]);
      });
    });
  }
  unroll<R * T>([&](auto u) WHET_LAMBDA { S::store_f(c + u * S::kLanes, y[u]); });
}

/// One group of 32 columns of a panel, which is group g of the tokens' records: y[t] += their
/// product.
template <class S, class F, int T, class Source>
WHET_INLINE void fused32_group(const Source& group, const Activations32* x, int g,
                               typename S::vf* y) {
  using vi = typename S::vi;
  constexpr int kSteps = F::kSigned ? 8 : steps_per_flush<S>(F::kMaxCode, 8);
  Factors32<S> factors;
  vi acc[T], partial[8 / kSteps][T];
  F::template unpack<S>(group, factors, [&](auto step, vi codes) WHET_LAMBDA {
    constexpr int part = step / kSteps, at = step % kSteps;
    if constexpr (F::kSigned) {
      const auto w = S::signed_weights(codes);
      unroll<T>([&](auto t) WHET_LAMBDA {
        if constexpr (at == 0) acc[t] = S::signed_start(&x[t].offset[g]);
        acc[t] = S::dot_signed(acc[t], w, S::quad(x[t].q + 32 * g + 4 * step));
      });
    } else {
      unroll<T>([&](auto t) WHET_LAMBDA {
        vi& p = partial[part][t];
        if constexpr (at == 0) p = F::kOffset != 0 ? S::broadcast4(&x[t].offset[g]) : S::zero_i();
        p = S::dot(p, codes, S::quad(x[t].q + 32 * g + 4 * step));
        if constexpr (at == kSteps - 1) {
          acc[t] = part == 0 ? S::widen(p) : S::add32(acc[t], S::widen(p));
        }
      });
    }
  });
  unroll<T>([&](auto t) WHET_LAMBDA {
    y[t] = S::fma(S::to_float(acc[t]), S::mul(factors.d, S::set1_f(x[t].d[g])), y[t]);
    if constexpr (F::kMins) y[t] = S::fma(factors.m, S::set1_f(x[t].sums[g]), y[t]);
  });
}

/// fused256 for 32-blocks.
template <class S, class F, int T, class Source>
WHET_INLINE void fused32(const Source& src, const Activations32* x, int n_groups, float* c) {
  constexpr int kBytes = int{sizeof(typename F::Block)} * S::kLanes;
  typename S::vf y[T];
  unroll<T>([&](auto t) WHET_LAMBDA { y[t] = S::load_f(c + t * S::kLanes); });
  for (int g = 0; g < n_groups; ++g) {
    const Source group = src.template skip<S>(g * sizeof(typename F::Block));
    prefetch_part<S, 1, kBytes>(group.ahead, 0);
    fused32_group<S, F, T>(group, x, g, y);
  }
  unroll<T>([&](auto t) WHET_LAMBDA { S::store_f(c + t * S::kLanes, y[t]); });
}

}  // namespace
}  // namespace whet::kernels
