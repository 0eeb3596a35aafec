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

/// c[t * R * kLanes + r * kLanes + lane] += panels[r] · tokens[t].
template <class S, class F, int R, int T>
WHET_INLINE void micro256(const Panel256<S>* panels, const Activations256* x, float* c) {
  using vi = typename S::vi;
  using vf = typename S::vf;
  constexpr int kGroupSteps = F::kGroup / 4;
  constexpr int kSteps = steps_per_flush<S>(F::kMaxCode, kGroupSteps);
  static_assert(F::kOffset == 0 || kSteps == 4, "an offset covers 16 columns");
  vi sum[R * T];
  unroll<R * T>([&](auto u) WHET_LAMBDA { sum[u] = S::zero_i(); });
  for (int g = 0; g < 256 / F::kGroup; ++g) {
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
          const vi q = S::broadcast4(x[t].q + 4 * (step0 + k));
          unroll<R>([&](auto r) WHET_LAMBDA { acc[t * R + r] = S::dot(acc[t * R + r], w[r], q); });
        });
      });
      unroll<R>([&](auto r) WHET_LAMBDA {
        const vi scale = S::load_i(panels[r].scales[g]);
        unroll<T>([&](auto t) WHET_LAMBDA {
          sum[t * R + r] = S::add32(sum[t * R + r], S::mul_scale(acc[t * R + r], scale));
        });
      });
    });
  }
  unroll<T>([&](auto t) WHET_LAMBDA {
    const vf dx = S::set1_f(x[t].d);
    unroll<R>([&](auto r) WHET_LAMBDA {
      float* out = c + (t * R + r) * S::kLanes;
      vf y =
          S::fma(S::to_float(sum[t * R + r]), S::mul(S::load_f(panels[r].d), dx), S::load_f(out));
      if constexpr (F::kMins != 0) {
        vi mins = S::zero_i();
        unroll<F::kMins / 2>([&](auto p) WHET_LAMBDA {
          const vi sums = S::broadcast4(x[t].sums + 2 * p);
          mins = S::add32(mins, S::madd16(S::load_i(panels[r].mins[p]), sums));
        });
        y = S::fnma(S::to_float(mins), S::mul(S::load_f(panels[r].d_min), dx), y);
      }
      S::store_f(out, y);
    });
  });
}

/// The same over n_groups groups of 32 columns.
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
          const vi q = S::broadcast4(x[t].q + 32 * g + 4 * k);
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
            const vi q = S::broadcast4(x[t].q + 32 * g + 4 * step);
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
        const vf converted = S::to_float(acc[u]);
        y[u] = S::fma(converted, S::mul(S::load_f(panels[r].d[g]), dx), y[u]);
        if constexpr (F::kMins) {
          y[u] = S::fma(S::load_f(panels[r].m[g]), S::set1_f(x[t].sums[g]), y[u]);
        }
      });
    });
  }
  unroll<R * T>([&](auto u) WHET_LAMBDA { S::store_f(c + u * S::kLanes, y[u]); });
}

}  // namespace
}  // namespace whet::kernels
