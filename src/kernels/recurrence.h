// One step of a linear recurrence over a state that is a matrix: see RecurrenceArgs.
#pragma once

#include "kernels/kernels.h"
#include "kernels/vector_math.h"

namespace whet::kernels {
namespace {

/// Columns j ... j + 16 N of the state, of which the last group has n.
template <class S, int N>
WHET_INLINE void recur_columns(const RecurrenceArgs& a, size_t j, int n) {
  using vf = typename S::vf;
  const auto at = [&](size_t k, int i)
                      WHET_LAMBDA { return a.state + k * a.n_values + j + 16 * i; };
  const auto decay = S::set1_f(a.decay), rate = S::set1_f(a.rate);
  Wide<S> change[N], sum[N];
  unroll<N>([&](auto i) WHET_LAMBDA {
    change[i] = load_some<S>(a.value + j + 16 * i, n, 0.0f);
    sum[i] = Wide<S>::set1(0.0f);
  });
  if (a.corrects) {
    for (size_t k = 0; k < a.n_keys; ++k) {
      const auto key = S::set1_f(a.key[k]);
      unroll<N>([&](auto i) WHET_LAMBDA {
        sum[i] = wide_zip<S>([&](vf s, vf x) WHET_LAMBDA { return S::fma(key, x, s); }, sum[i],
                             load_some<S>(at(k, i), n, 0.0f));
      });
    }
    unroll<N>([&](auto i) WHET_LAMBDA {
      change[i] = wide_zip<S>([&](vf v, vf s) WHET_LAMBDA { return S::fnma(decay, s, v); },
                              change[i], sum[i]);
      sum[i] = Wide<S>::set1(0.0f);
    });
  }
  unroll<N>([&](auto i) WHET_LAMBDA {
    change[i] = wide_map<S>([&](vf v) WHET_LAMBDA { return S::mul(rate, v); }, change[i]);
  });
  for (size_t k = 0; k < a.n_keys; ++k) {
    const auto key = S::set1_f(a.key[k]), query = S::set1_f(a.query[k]);
    unroll<N>([&](auto i) WHET_LAMBDA {
      const Wide<S> next =
          wide_zip<S>([&](vf s, vf c) WHET_LAMBDA { return S::fma(key, c, S::mul(decay, s)); },
                      load_some<S>(at(k, i), n, 0.0f), change[i]);
      store_some<S>(next, at(k, i), n);
      sum[i] =
          wide_zip<S>([&](vf s, vf x) WHET_LAMBDA { return S::fma(query, x, s); }, sum[i], next);
    });
  }
  unroll<N>([&](auto i) WHET_LAMBDA { store_some<S>(sum[i], a.out + j + 16 * i, n); });
}

template <class S>
void recurrence_of(const RecurrenceArgs& a) {
  constexpr size_t kTile = 4 * kVirtualLanes;  // enough sums to hide the latency of one
  size_t j = 0;
  for (; j + kTile <= a.n_values; j += kTile) recur_columns<S, 4>(a, j, kVirtualLanes);
  for (; j < a.n_values; j += kVirtualLanes) {
    const size_t left = a.n_values - j;
    recur_columns<S, 1>(a, j, left < kVirtualLanes ? static_cast<int>(left) : kVirtualLanes);
  }
}

}  // namespace
}  // namespace whet::kernels
