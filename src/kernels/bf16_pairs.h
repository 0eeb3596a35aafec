// BF16 weights on CPUs that multiply pairs of them. A lane of 32 bits holds two neighbouring
// columns, and the kernels for F32 run over half as many elements, with a policy whose fma()
// multiplies two pairs and adds both products, and whose rounded() makes pairs of 2 * kLanes
// floats. Twice the products per instruction, for activations of 8 bits of precision, as in other
// engines.
#pragma once

#include "kernels/linear_float.h"
#include "kernels/peak.h"
#include "kernels/quantize.h"

namespace whet::kernels {
namespace {

/// n columns, an even number, to pairs.
template <class Pairs>
WHET_INLINE void round_to_pairs(const float* x, size_t n, float* out) {
  constexpr size_t kColumns = 2 * Pairs::kLanes;
  size_t k = 0;
  for (; k + kColumns <= n; k += kColumns) Pairs::store_f(out + k / 2, Pairs::rounded(x + k));
  if (k < n) {
    alignas(64) float padded[kColumns] = {};
    alignas(64) float pairs[Pairs::kLanes];
    std::memcpy(padded, x + k, (n - k) * sizeof(float));
    Pairs::store_f(pairs, Pairs::rounded(padded));
    std::memcpy(out + k / 2, pairs, (n - k) / 2 * sizeof(float));
  }
}

template <class Pairs>
void prepare_pairs(const QuantizeArgs& a) {
  const size_t n_pairs = a.n_cols / 2;
  if (a.n_tokens <= kFewFloatTokens) {
    for (size_t t = a.token_begin; t < a.token_end; ++t) {
      const float* x = a.x + t * a.x_stride;
      put_record(a, t, n_pairs, [&](size_t k, size_t n, float* out) WHET_LAMBDA {
        round_to_pairs<Pairs>(x + 2 * k, 2 * n, out);
      });
    }
    return;
  }
  for_panels<Pairs>(a, [&](size_t t, size_t n) WHET_LAMBDA {
    constexpr size_t kStep = 256;
    alignas(64) float pairs[Pairs::kLanes][kStep + 16];  // padded, or all rows share sets of L1
    for (size_t k = 0; k < n_pairs; k += kStep) {
      const size_t m = n_pairs - k < kStep ? n_pairs - k : kStep;
      for (size_t i = 0; i < n; ++i) {
        round_to_pairs<Pairs>(a.x + (t + i) * a.x_stride + 2 * k, 2 * m, pairs[i]);
      }
      put_lanes<Pairs>(a, t, n, pairs[0], kStep + 16, k, m);
    }
  });
}

/// A row of BF16 is a row of half as many 32-bit elements. Never interleaved (interleaved_rows()).
template <class Pairs>
void linear_pairs(LinearArgs a) {
  if (a.row_begin >= a.row_end) return;
  a.n_cols /= 2;
  linear_float<Pairs, FileFloats<FormatF32>>(a);
}

/// `Base` with products of pairs by the policy `Pairs`.
template <class Pairs, const KernelTable& Base>
struct Bf16Level {
  static void quantize_activations(const QuantizeArgs& a) {
    a.form == ActivationForm::kBf16Pairs ? prepare_pairs<Pairs>(a) : Base.quantize_activations(a);
  }
  static void linear(const LinearArgs& a) {
    a.form == ActivationForm::kBf16Pairs ? linear_pairs<Pairs>(a) : Base.linear(a);
  }
  static uint64_t bf16_macs(uint64_t n_rounds, void* sink) {
    return 2 * float_macs_of<Pairs>(n_rounds, sink);
  }
  static KernelTable table() {
    KernelTable t = Base;
    t.isa = Isa::kAvx512Bf16;
    t.bf16_pairs = true;
    t.quantize_activations = quantize_activations;
    t.linear = linear;
    t.bf16_macs = bf16_macs;
    return t;
  }
};

}  // namespace
}  // namespace whet::kernels
