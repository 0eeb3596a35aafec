// Activations to the forms of activations.h. Symmetric int8, scale = max|x| / 127, ties to even.
#pragma once

#include "base/check.h"
#include "kernels/activations.h"
#include "kernels/kernels.h"
#include "kernels/simd.h"

namespace whet::kernels {
namespace {

/// Below this a block counts as zero: 127 / max|x| must stay finite.
inline constexpr float kSmallestMax = 0x1.0p-118f;

/// n (a multiple of 16) values to codes; returns the scale.
template <class S>
WHET_INLINE float quantize_block(const float* x, int n, int8_t* q) {
  using vf = typename S::vf;
  constexpr int kVecs = 16 / S::kLanes;
  vf largest[kVecs];
  unroll<kVecs>([&](auto v) WHET_LAMBDA { largest[v] = S::zero_f(); });
  for (int i = 0; i < n; i += 16) {
    unroll<kVecs>([&](auto v) WHET_LAMBDA {
      largest[v] = S::max(largest[v], S::abs(S::load_f(x + i + v * S::kLanes)));
    });
  }
  alignas(64) float lanes[16];
  unroll<kVecs>([&](auto v) WHET_LAMBDA { S::store_f(lanes + v * S::kLanes, largest[v]); });
  float max = 0.0f;
  for (float lane : lanes) max = lane > max ? lane : max;
  if (!(max >= kSmallestMax)) {
    std::memset(q, 0, static_cast<size_t>(n));
    return 0.0f;
  }
  const vf factor = S::set1_f(127.0f / max);
  for (int i = 0; i < n; i += 16) {
    unroll<kVecs>([&](auto v) WHET_LAMBDA {
      const int at = i + v * S::kLanes;
      S::store_low_bytes(q + at, S::round_to_int(S::mul(S::load_f(x + at), factor)));
    });
  }
  return max / 127.0f;
}

/// -factor * sums of codes in the form that the policy's accumulators start from.
template <class S>
WHET_INLINE int32_t offset_form(int even_pairs, int odd_pairs, int factor) {
  if (S::kWideDot) return -factor * (even_pairs + odd_pairs);
  const uint32_t low = static_cast<uint16_t>(-factor * even_pairs);
  const uint32_t high = static_cast<uint16_t>(-factor * odd_pairs);
  return static_cast<int32_t>(low | high << 16);
}

/// Sums of 16 codes: those at columns 0 and 1 modulo 4, and those at 2 and 3.
struct PairSums {
  int even, odd;
};
WHET_INLINE PairSums pair_sums(const int8_t* q) {
  PairSums s{0, 0};
  unroll<4>([&](auto i) WHET_LAMBDA {
    s.even += q[4 * i] + q[4 * i + 1];
    s.odd += q[4 * i + 2] + q[4 * i + 3];
  });
  return s;
}

template <class S>
WHET_INLINE void quantize_256(const float* x, Activations256& out) {
  out.d = quantize_block<S>(x, 256, out.q);
  for (int g = 0; g < 8; ++g) {
    const PairSums a = pair_sums(out.q + 32 * g);
    const PairSums b = pair_sums(out.q + 32 * g + 16);
    out.offset[2 * g] = offset_form<S>(a.even, a.odd, 32);
    out.offset[2 * g + 1] = offset_form<S>(b.even, b.odd, 32);
    out.sums[g] = static_cast<int16_t>(a.even + a.odd + b.even + b.odd);
  }
}

template <class S>
WHET_INLINE void quantize_32(const float* x, int n_groups, Activations32& out) {
  for (int g = 0; g < n_groups; ++g) {
    out.d[g] = quantize_block<S>(x + 32 * g, 32, out.q + 32 * g);
    const PairSums a = pair_sums(out.q + 32 * g);
    const PairSums b = pair_sums(out.q + 32 * g + 16);
    out.offset[g] = offset_form<S>(a.even + b.even, a.odd + b.odd, 16);
    out.sums[g] = out.d[g] * static_cast<float>(a.even + a.odd + b.even + b.odd);
  }
}

/// One token to its record: put(from, n, out) converts n elements, the first of which is number
/// `from` of the token's n_elements.
template <class Put>
WHET_INLINE void put_record(const QuantizeArgs& a, size_t t, size_t n_elements, Put put) {
  auto* out = static_cast<ActivationsFloat*>(a.dst) + t;
  for (size_t k = 0; k < n_elements; k += kFloatCols, out += a.n_tokens) {
    const size_t left = n_elements - k;
    const size_t n = left < kFloatCols ? left : kFloatCols;
    put(k, n, out->x);
    std::memset(out->x + n, 0, (kPartialSums - n % kPartialSums) % kPartialSums * sizeof(float));
  }
}

/// Where element k of the panel of kLanes tokens that holds token t begins.
template <class S>
WHET_INLINE float* panel_column(const QuantizeArgs& a, size_t t, size_t k) {
  const size_t n_panels = (a.n_tokens + S::kLanes - 1) / S::kLanes;
  const size_t panel = k / kFloatCols * n_panels + t / S::kLanes;
  const size_t at = k % kFloatCols;
  return static_cast<ActivationsFloat*>(a.dst)[panel * S::kLanes].x +
         (at % kPartialSums * kFloatSumStride + at / kPartialSums) * S::kLanes;
}

/// Elements [first, first + n_elements) of the tokens [t, t + n) of one panel to their lanes. Those
/// of token t + i lie at from + i * stride.
template <class S>
WHET_INLINE void put_lanes(const QuantizeArgs& a, size_t t, size_t n, const float* from,
                           size_t stride, size_t first, size_t n_elements) {
  const auto column = [&](size_t k) WHET_LAMBDA { return panel_column<S>(a, t, first + k); };
  size_t k = 0;
  if (n == S::kLanes) {
    for (; k + 4 <= n_elements; k += 4) {
      typename S::vi columns[4];
      S::transpose16(reinterpret_cast<const uint8_t*>(from + k), stride * sizeof(float), columns);
      unroll<4>([&](auto i) WHET_LAMBDA { S::store_i(column(k + i), columns[i]); });
    }
  }
  for (; k < n_elements; ++k) {
    float* lanes = column(k) + t % S::kLanes;
    for (size_t i = 0; i < n; ++i) lanes[i] = from[i * stride + k];
  }
  for (; k % kPartialSums != 0; ++k) {
    std::memset(column(k) + t % S::kLanes, 0, n * sizeof(float));
  }
}

/// body(t, n) for the parts [t, t + n) of the call's tokens that share a panel.
template <class S, class Body>
WHET_INLINE void for_panels(const QuantizeArgs& a, Body body) {
  for (size_t t = a.token_begin; t < a.token_end;) {
    const size_t in_panel = S::kLanes - t % S::kLanes, left = a.token_end - t;
    const size_t n = in_panel < left ? in_panel : left;
    body(t, n);
    t += n;
  }
}

template <class S>
void quantize_activations_of(const QuantizeArgs& a) {
  if (a.form == ActivationForm::kFloat && a.n_tokens > kFewFloatTokens) {
    return for_panels<S>(a, [&](size_t t, size_t n) WHET_LAMBDA {
      put_lanes<S>(a, t, n, a.x + t * a.x_stride, a.x_stride, 0, a.n_cols);
    });
  }
  for (size_t t = a.token_begin; t < a.token_end; ++t) {
    const float* x = a.x + t * a.x_stride;
    switch (a.form) {
      case ActivationForm::kBlock256: {
        auto* out = static_cast<Activations256*>(a.dst) + t;
        for (size_t k = 0; k < a.n_cols; k += 256, out += a.n_tokens) quantize_256<S>(x + k, *out);
        break;
      }
      case ActivationForm::kBlock32: {
        auto* out = static_cast<Activations32*>(a.dst) + t;
        for (size_t k = 0; k < a.n_cols; k += 256, out += a.n_tokens) {
          const size_t left = a.n_cols - k;
          quantize_32<S>(x + k, static_cast<int>(left < 256 ? left : 256) / 32, *out);
        }
        break;
      }
      case ActivationForm::kFloat:
        put_record(a, t, a.n_cols, [&](size_t k, size_t n, float* out) WHET_LAMBDA {
          std::memcpy(out, x + k, n * sizeof(float));
        });
        break;
      case ActivationForm::kBf16Pairs:
        WHET_UNREACHABLE();  // of levels with bf16_pairs (bf16_pairs.h)
    }
  }
}

}  // namespace
}  // namespace whet::kernels
