#include "ops/activation.h"

#include <algorithm>
#include <cmath>

#include "base/check.h"
#include "kernels/kernels.h"

namespace whet {
namespace {

float gelu(float x) {
  return 0.5f * x * (1.0f + std::erf(x * 0.70710678118654752f));
}

float clamped_swiglu(float gate, float up) {
  constexpr float kLimit = 7.0f, kSlope = 1.702f;
  gate = std::min(gate, kLimit);
  up = std::clamp(up, -kLimit, kLimit);
  return gate / (1.0f + std::exp(-kSlope * gate)) * (up + 1.0f);
}

float squared_relu(float x) {
  return x > 0 ? x * x : 0.0f;
}

}  // namespace

float softplus(float x) {
  return x > 20.0f ? x : std::log1p(std::exp(x));
}

void activate(Activation activation, const float* x, int64_t n, float* out) {
  switch (activation) {
    case Activation::kGeluTanh:
      return kernels::kernels().gelu(x, static_cast<size_t>(n), out);
    case Activation::kSilu:
      return kernels::kernels().silu(x, static_cast<size_t>(n), out);
    case Activation::kGelu:
      for (int64_t i = 0; i < n; ++i) out[i] = gelu(x[i]);
      return;
    case Activation::kSquaredRelu:
      for (int64_t i = 0; i < n; ++i) out[i] = squared_relu(x[i]);
      return;
    case Activation::kClampedSwiGlu:
      break;
  }
  WHET_UNREACHABLE();
}

void activate_gated(Activation activation, const float* gate, const float* up, int64_t n,
                    float* out) {
  switch (activation) {
    case Activation::kSilu:
      return kernels::kernels().silu_mul(gate, up, static_cast<size_t>(n), out);
    case Activation::kGeluTanh:
      return kernels::kernels().gelu_mul(gate, up, static_cast<size_t>(n), out);
    case Activation::kGelu:
      for (int64_t i = 0; i < n; ++i) out[i] = gelu(gate[i]) * up[i];
      return;
    case Activation::kSquaredRelu:
      for (int64_t i = 0; i < n; ++i) out[i] = squared_relu(gate[i]) * up[i];
      return;
    case Activation::kClampedSwiGlu:
      for (int64_t i = 0; i < n; ++i) out[i] = clamped_swiglu(gate[i], up[i]);
      return;
  }
  WHET_UNREACHABLE();
}

}  // namespace whet
