// Row-wise kernels: norms, rotary embedding, activations, pieces of softmax.
#pragma once

#include "kernels/f16.h"
#include "kernels/kernels.h"
#include "kernels/vector_math.h"

namespace whet::kernels {
namespace {

template <class S>
void rmsnorm_of(const NormArgs& a) {
  Wide<S> squares = Wide<S>::set1(0.0f);
  for_sixteens(a.n, [&](size_t i, int n) WHET_LAMBDA {
    const Wide<S> x = load_some<S>(a.x + i, n, 0.0f);
    unroll<kVecs<S>>([&](auto v)
                         WHET_LAMBDA { squares.v[v] = S::fma(x.v[v], x.v[v], squares.v[v]); });
  });
  const float mean = wide_sum<S>(squares) / static_cast<float>(a.n);
  const auto factor = S::set1_f(1.0f / __builtin_sqrtf(mean + a.epsilon));
  for_sixteens(a.n, [&](size_t i, int n) WHET_LAMBDA {
    const auto scaled = [&](typename S::vf x, typename S::vf gain)
                            WHET_LAMBDA { return S::mul(S::mul(x, factor), gain); };
    store_some<S>(
        wide_zip<S>(scaled, load_some<S>(a.x + i, n, 0.0f), load_some<S>(a.gain + i, n, 0.0f)),
        a.out + i, n);
  });
}

template <class S>
void layernorm_of(const NormArgs& a) {
  const auto n_all = static_cast<float>(a.n);
  const auto plus = [](auto x, auto y) WHET_LAMBDA { return S::add(x, y); };
  Wide<S> sum = Wide<S>::set1(0.0f);
  for_sixteens(a.n, [&](size_t i, int n) WHET_LAMBDA {
    sum = wide_zip<S>(plus, sum, load_some<S>(a.x + i, n, 0.0f));
  });
  const float mean = wide_sum<S>(sum) / n_all;
  const auto centre = S::set1_f(mean);
  // A second pass: mean(x²) - mean² would cancel where the mean is large.
  Wide<S> squares = Wide<S>::set1(0.0f);
  for_sixteens(a.n, [&](size_t i, int n) WHET_LAMBDA {
    const Wide<S> x = load_some<S>(a.x + i, n, mean);  // the filling adds zeros
    unroll<kVecs<S>>([&](auto v) WHET_LAMBDA {
      const auto away = S::sub(x.v[v], centre);
      squares.v[v] = S::fma(away, away, squares.v[v]);
    });
  });
  const float variance = wide_sum<S>(squares) / n_all;
  const auto factor = S::set1_f(1.0f / __builtin_sqrtf(variance + a.epsilon));
  for_sixteens(a.n, [&](size_t i, int n) WHET_LAMBDA {
    const auto scaled = [&](typename S::vf x, typename S::vf gain)
                            WHET_LAMBDA { return S::mul(S::mul(S::sub(x, centre), factor), gain); };
    const Wide<S> y =
        wide_zip<S>(scaled, load_some<S>(a.x + i, n, 0.0f), load_some<S>(a.gain + i, n, 0.0f));
    store_some<S>(wide_zip<S>(plus, y, load_some<S>(a.bias + i, n, 0.0f)), a.out + i, n);
  });
}

template <class S>
void rope_of(const RopeArgs& a) {
  const size_t n_pairs = a.n_rotated / 2;
  for (size_t h = 0; h < a.n_heads; ++h) {
    float* x = a.x + h * a.head_dim;
    if (a.pairing == RopePairing::kInterleaved) {
      for (size_t i = 0; i < n_pairs; ++i) {
        const float re = x[2 * i], im = x[2 * i + 1];
        x[2 * i] = re * a.cosines[i] - im * a.sines[i];
        x[2 * i + 1] = re * a.sines[i] + im * a.cosines[i];
      }
    } else {
      for (size_t i = 0; i < n_pairs; ++i) {
        const float re = x[i], im = x[i + n_pairs];
        x[i] = re * a.cosines[i] - im * a.sines[i];
        x[i + n_pairs] = re * a.sines[i] + im * a.cosines[i];
      }
    }
  }
}

template <class S>
WHET_INLINE typename S::vf sigmoid(typename S::vf x) {
  const auto one = S::set1_f(1.0f);
  return S::div(one, S::add(one, exp<S>(S::sub(S::zero_f(), x))));
}

template <class S, class F>
WHET_INLINE void zip_rows(const float* a, const float* b, size_t n, float* out, F f) {
  for_sixteens(n, [&](size_t i, int m) WHET_LAMBDA {
    store_some<S>(wide_zip<S>(f, load_some<S>(a + i, m, 0.0f), load_some<S>(b + i, m, 0.0f)),
                  out + i, m);
  });
}

template <class S>
void silu_mul_of(const float* gate, const float* up, size_t n, float* out) {
  zip_rows<S>(gate, up, n, out, [](typename S::vf g, typename S::vf u) WHET_LAMBDA {
    return S::mul(S::mul(g, sigmoid<S>(g)), u);
  });
}

/// x/2 (1 + tanh(z)) = x * sigmoid(2z), z = sqrt(2/pi) (x + 0.044715 x^3).
template <class S>
WHET_INLINE typename S::vf gelu(typename S::vf x) {
  const auto cube = S::mul(S::mul(x, x), x);
  const auto z2 = S::mul(S::fma(S::set1_f(0.044715f), cube, x), S::set1_f(1.59576912160573f));
  return S::mul(x, sigmoid<S>(z2));
}

template <class S>
void gelu_mul_of(const float* gate, const float* up, size_t n, float* out) {
  zip_rows<S>(gate, up, n, out,
              [](typename S::vf g, typename S::vf u) WHET_LAMBDA { return S::mul(gelu<S>(g), u); });
}

template <class S>
void gelu_of(const float* x, size_t n, float* out) {
  for_sixteens(n, [&](size_t i, int m) WHET_LAMBDA {
    store_some<S>(wide_map<S>([](typename S::vf v) WHET_LAMBDA { return gelu<S>(v); },
                              load_some<S>(x + i, m, 0.0f)),
                  out + i, m);
  });
}

template <class S>
void silu_of(const float* x, size_t n, float* out) {
  for_sixteens(n, [&](size_t i, int m) WHET_LAMBDA {
    store_some<S>(wide_map<S>([](typename S::vf v) WHET_LAMBDA { return S::mul(v, sigmoid<S>(v)); },
                              load_some<S>(x + i, m, 0.0f)),
                  out + i, m);
  });
}

template <class S>
void sigmoid_mul_of(const float* gate, const float* x, size_t n, float* out) {
  zip_rows<S>(gate, x, n, out, [](typename S::vf g, typename S::vf v) WHET_LAMBDA {
    return S::mul(sigmoid<S>(g), v);
  });
}

template <class S>
void mul_add_of(const float* a, const float* b, size_t n, float* out) {
  for_sixteens(n, [&](size_t i, int m) WHET_LAMBDA {
    const Wide<S> x = load_some<S>(a + i, m, 0.0f), y = load_some<S>(b + i, m, 0.0f);
    Wide<S> sum = load_some<S>(out + i, m, 0.0f);
    unroll<kVecs<S>>([&](auto v) WHET_LAMBDA { sum.v[v] = S::fma(x.v[v], y.v[v], sum.v[v]); });
    store_some<S>(sum, out + i, m);
  });
}

template <class S>
void add_of(const float* a, const float* b, size_t n, float* out) {
  zip_rows<S>(a, b, n, out,
              [](typename S::vf x, typename S::vf y) WHET_LAMBDA { return S::add(x, y); });
}

template <class S>
float max_of(const float* x, size_t n) {
  constexpr float kLowest = -__builtin_inff();
  Wide<S> largest = Wide<S>::set1(kLowest);
  for_sixteens(n, [&](size_t i, int m) WHET_LAMBDA {
    largest = wide_zip<S>([](auto a, auto b) WHET_LAMBDA { return S::max(a, b); }, largest,
                          load_some<S>(x + i, m, kLowest));
  });
  return wide_max<S>(largest);
}

template <class S>
float exp_sum_of(const float* x, size_t n, float offset, float* out) {
  Wide<S> sum = Wide<S>::set1(0.0f);
  const auto shift = S::set1_f(offset);
  for_sixteens(n, [&](size_t i, int m) WHET_LAMBDA {
    const Wide<S> e =
        wide_map<S>([&](typename S::vf v) WHET_LAMBDA { return exp<S>(S::sub(v, shift)); },
                    load_some<S>(x + i, m, -__builtin_inff()));
    sum = wide_zip<S>([](auto a, auto b) WHET_LAMBDA { return S::add(a, b); }, sum, e);
    store_some<S>(e, out + i, m);
  });
  return wide_sum<S>(sum);
}

template <class S>
void scale_of(float* x, size_t n, float factor) {
  const auto f = S::set1_f(factor);
  for_sixteens(n, [&](size_t i, int m) WHET_LAMBDA {
    store_some<S>(wide_map<S>([&](typename S::vf v) WHET_LAMBDA { return S::mul(v, f); },
                              load_some<S>(x + i, m, 0.0f)),
                  x + i, m);
  });
}

template <class S>
void f16_from_f32_of(const float* x, size_t n, uint16_t* out) {
  size_t i = 0;
  for (; i + S::kLanes <= n; i += S::kLanes) S::store_f16(out + i, S::load_f(x + i));
  for (; i < n; ++i) out[i] = f16_bits_from_f32(x[i]);
}
template <class S>
void f32_from_f16_of(const uint16_t* x, size_t n, float* out) {
  size_t i = 0;
  for (; i + S::kLanes <= n; i += S::kLanes) S::store_f(out + i, S::load_f16(x + i));
  for (; i < n; ++i) out[i] = f32_from_f16_bits(x[i]);
}

}  // namespace
}  // namespace whet::kernels
