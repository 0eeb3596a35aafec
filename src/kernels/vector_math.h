// exp and sums over sixteen virtual lanes: every policy adds in the same order, whatever the width
// of its vectors.
#pragma once

#include "kernels/simd.h"

namespace whet::kernels {
namespace {

inline constexpr int kVirtualLanes = 16;
template <class S>
inline constexpr int kVecs = kVirtualLanes / S::kLanes;

/// Sixteen values, as vectors of the policy.
template <class S>
struct Wide {
  typename S::vf v[kVecs<S>];

  static WHET_INLINE Wide load(const float* p) {
    Wide w;
    unroll<kVecs<S>>([&](auto i) WHET_LAMBDA { w.v[i] = S::load_f(p + i * S::kLanes); });
    return w;
  }
  static WHET_INLINE Wide set1(float x) {
    Wide w;
    unroll<kVecs<S>>([&](auto i) WHET_LAMBDA { w.v[i] = S::set1_f(x); });
    return w;
  }
  WHET_INLINE void store(float* p) const {
    unroll<kVecs<S>>([&](auto i) WHET_LAMBDA { S::store_f(p + i * S::kLanes, v[i]); });
  }
};

template <class S, class F>
WHET_INLINE Wide<S> wide_map(F f, Wide<S> a) {
  unroll<kVecs<S>>([&](auto i) WHET_LAMBDA { a.v[i] = f(a.v[i]); });
  return a;
}
template <class S, class F>
WHET_INLINE Wide<S> wide_zip(F f, Wide<S> a, const Wide<S>& b) {
  unroll<kVecs<S>>([&](auto i) WHET_LAMBDA { a.v[i] = f(a.v[i], b.v[i]); });
  return a;
}

template <class S>
WHET_INLINE float wide_sum(const Wide<S>& a) {
  alignas(64) float x[kVirtualLanes];
  a.store(x);
  for (int half = kVirtualLanes / 2; half > 0; half /= 2) {
    for (int i = 0; i < half; ++i) x[i] += x[i + half];
  }
  return x[0];
}
template <class S>
WHET_INLINE float wide_max(const Wide<S>& a) {
  alignas(64) float x[kVirtualLanes];
  a.store(x);
  for (int half = kVirtualLanes / 2; half > 0; half /= 2) {
    for (int i = 0; i < half; ++i) x[i] = x[i] > x[i + half] ? x[i] : x[i + half];
  }
  return x[0];
}

/// e^x within 2 ulp; 0 below -87.7, infinity above 88.4, NaN for NaN. Cephes' polynomial.
template <class S>
WHET_INLINE typename S::vf exp(typename S::vf x) {
  using vf = typename S::vf;
  // The constant comes first: max and min then pass a NaN in x on.
  x = S::min(S::set1_f(88.8f), S::max(S::set1_f(-88.0f), x));
  const typename S::vi n = S::round_to_int(S::mul(x, S::set1_f(1.44269504088896341f)));
  const vf nf = S::to_float(n);
  vf r = S::fnma(nf, S::set1_f(0.693359375f), x);
  r = S::fnma(nf, S::set1_f(-2.12194440e-4f), r);
  vf p = S::set1_f(1.9875691500e-4f);
  p = S::fma(p, r, S::set1_f(1.3981999507e-3f));
  p = S::fma(p, r, S::set1_f(8.3334519073e-3f));
  p = S::fma(p, r, S::set1_f(4.1665795894e-2f));
  p = S::fma(p, r, S::set1_f(1.6666665459e-1f));
  p = S::fma(p, r, S::set1_f(5.0000001201e-1f));
  p = S::fma(S::mul(r, r), p, S::add(r, S::set1_f(1.0f)));
  // n = -127 makes the factor zero and n = 128 infinite: no special cases.
  const vf factor = S::as_float(S::template shift_left32<23>(S::add32(n, S::set1_i(127))));
  return S::mul(p, factor);
}

/// Calls body(i, n) for full groups of sixteen and once for the rest; n is 16 but for the last.
template <class F>
WHET_INLINE void for_sixteens(size_t n, F body) {
  size_t i = 0;
  for (; i + kVirtualLanes <= n; i += kVirtualLanes) body(i, kVirtualLanes);
  if (i < n) body(i, static_cast<int>(n - i));
}
template <class S>
WHET_INLINE Wide<S> load_some(const float* p, int n, float fill) {
  if (n == kVirtualLanes) return Wide<S>::load(p);
  alignas(64) float x[kVirtualLanes];
  for (int i = 0; i < kVirtualLanes; ++i) x[i] = i < n ? p[i] : fill;
  return Wide<S>::load(x);
}
template <class S>
WHET_INLINE void store_some(const Wide<S>& w, float* p, int n) {
  if (n == kVirtualLanes) return w.store(p);
  alignas(64) float x[kVirtualLanes];
  w.store(x);
  for (int i = 0; i < n; ++i) p[i] = x[i];
}

}  // namespace
}  // namespace whet::kernels
