// Activations of feed-forward networks, row by row.
#pragma once

#include <cstdint>

namespace whet {

enum class Activation {
  kSilu,
  kGeluTanh,       // GELU by tanh
  kGelu,           // GELU by erf
  kSquaredRelu,    // max(x, 0)^2
  kClampedSwiGlu,  // gpt-oss: min(gate, 7) * sigmoid(1.702 gate) * (1 + up in [-7, 7]); gated only
};

/// log(1 + e^x)
float softplus(float x);
/// out = activation(x), n elements; out may be x.
void activate(Activation activation, const float* x, int64_t n, float* out);
/// out = activation(gate) * up, or what kClampedSwiGlu says; out may be either.
void activate_gated(Activation activation, const float* gate, const float* up, int64_t n,
                    float* out);

}  // namespace whet
