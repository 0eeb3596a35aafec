// Float weights: R panels of f32 (lanes = rows) by T tokens. Per (row, token) one fma per column,
// in column order.
#pragma once

#include "kernels/activations.h"
#include "kernels/panel.h"

namespace whet::kernels {
namespace {

template <class S>
struct PanelFloat {
  alignas(64) float w[kFloatCols][S::kLanes];
};

template <class S, int R, int T>
WHET_INLINE void micro_float(const PanelFloat<S>* panels, const ActivationsFloat* x, int n_cols,
                             float* c) {
  using vf = typename S::vf;
  vf y[R * T];
  unroll<R * T>([&](auto u) WHET_LAMBDA { y[u] = S::load_f(c + u * S::kLanes); });
  const auto column = [&](int k) WHET_LAMBDA {
    vf w[R];
    unroll<R>([&](auto r) WHET_LAMBDA { w[r] = S::load_f(panels[r].w[k]); });
    unroll<T>([&](auto t) WHET_LAMBDA {
      const vf q = S::set1_f(x[t].x[k]);
      unroll<R>([&](auto r) WHET_LAMBDA { y[t * R + r] = S::fma(w[r], q, y[t * R + r]); });
    });
  };
  int k = 0;
  for (; k + 4 <= n_cols; k += 4) unroll<4>([&](auto j) WHET_LAMBDA { column(k + j); });
  for (; k < n_cols; ++k) column(k);
  unroll<R * T>([&](auto u) WHET_LAMBDA { S::store_f(c + u * S::kLanes, y[u]); });
}

}  // namespace
}  // namespace whet::kernels
