// Builds the KernelTable of one policy; included once per instruction set.
#pragma once

#include "kernels/attention.h"
#include "kernels/channels.h"
#include "kernels/elementwise.h"
#include "kernels/format_q2_k.h"
#include "kernels/format_q4_0.h"
#include "kernels/format_q4_k.h"
#include "kernels/format_q5_0.h"
#include "kernels/format_q5_k.h"
#include "kernels/format_q6_k.h"
#include "kernels/format_q8_0.h"
#include "kernels/linear.h"
#include "kernels/linear_float.h"
#include "kernels/peak.h"
#include "kernels/quantize.h"
#include "kernels/recurrence.h"

namespace whet::kernels {
namespace {

/// For the types of interleaved_rows().
template <class S, class Ops>
void linear_either(const LinearArgs& a) {
  a.interleaved ? linear_of<S, Ops, InterleavedRows>(a) : linear_of<S, Ops, FileRows>(a);
}

template <class S, class F>
void linear_float_either(const LinearArgs& a) {
  a.interleaved ? linear_float<S, InterleavedFloats<F>>(a) : linear_float<S, FileFloats<F>>(a);
}

template <class S>
void linear_any(const LinearArgs& a) {
  if (a.row_begin >= a.row_end) return;
  switch (a.type) {
    case DType::F32:
      return linear_float_either<S, FormatF32>(a);
    case DType::F16:
      return linear_float_either<S, FormatF16>(a);
    case DType::BF16:
      return linear_float_either<S, FormatBF16>(a);
    case DType::Q4_0:
      return linear_either<S, Ops32<FormatQ4_0>>(a);
    case DType::Q4_1:
      return linear_of<S, Ops32<FormatQ4_1, 1>, FileRows>(a);
    case DType::Q5_0:
      return linear_of<S, Ops32<FormatQ5_0, 1>, FileRows>(a);
    case DType::Q5_1:
      return linear_of<S, Ops32<FormatQ5_1, 1>, FileRows>(a);
    case DType::Q8_0:
      return linear_either<S, Ops32<FormatQ8_0>>(a);
    case DType::IQ4_NL:
      return linear_of<S, Ops32<FormatIQ4_NL, 1>, FileRows>(a);
    case DType::MXFP4:
      return linear_either<S, Ops32<FormatMXFP4, 1>>(a);
    case DType::Q2_K:
      return linear_of<S, Ops256<FormatQ2_K, 1>, FileRows>(a);
    case DType::Q3_K:
      return linear_of<S, Ops256<FormatQ3_K, 1>, FileRows>(a);
    case DType::Q4_K:
      return linear_either<S, Ops256<FormatQ4_K>>(a);
    case DType::Q5_K:
      return linear_either<S, Ops256<FormatQ5_K>>(a);
    case DType::Q6_K:
      return linear_either<S, Ops256<FormatQ6_K>>(a);
    case DType::A8:
      return linear_of<S, Ops32<FormatA8, 1>, FileRows>(a);
    default:
      return;  // has_linear() is false
  }
}

template <class S>
constexpr KernelTable make_table(Isa isa) {
  return {.isa = isa,
          .panel_rows = 2 * S::kLanes,
          .interleave = S::kLanes,
          .bf16_pairs = false,
          .quantize_activations = quantize_activations_of<S>,
          .linear = linear_any<S>,
          .choose_channels = choose_channels_of<S>,
          .quantize_channels = quantize_channels_of<S>,
          .linear_channels = linear_channels_any<S>,
          .rmsnorm = rmsnorm_of<S>,
          .layernorm = layernorm_of<S>,
          .rope = rope_of<S>,
          .silu_mul = silu_mul_of<S>,
          .gelu_mul = gelu_mul_of<S>,
          .gelu = gelu_of<S>,
          .silu = silu_of<S>,
          .sigmoid_mul = sigmoid_mul_of<S>,
          .add = add_of<S>,
          .mul_add = mul_add_of<S>,
          .max = max_of<S>,
          .exp_sum = exp_sum_of<S>,
          .scale = scale_of<S>,
          .int8_macs = int8_macs_of<S>,
          .float_macs = float_macs_of<S>,
          .bf16_macs = float_macs_of<S>,
          .append_kv = append_kv_of,
          .attention = attention_of<S>,
          .recurrence = recurrence_of<S>,
          .f16_from_f32 = f16_from_f32_of<S>,
          .f32_from_f16 = f32_from_f16_of<S>};
}

}  // namespace
}  // namespace whet::kernels
