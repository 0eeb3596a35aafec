// Activations of feed-forward networks, row by row.
#pragma once

#include <cstdint>

namespace whet {

enum class Activation {
  kSilu,
  kGeluTanh,  // GELU by tanh
  kGelu,      // GELU by erf
};

/// out = activation(x), n elements; out may be x.
void activate(Activation activation, const float* x, int64_t n, float* out);
/// out = activation(gate) * up; out may be either.
void activate_gated(Activation activation, const float* gate, const float* up, int64_t n,
                    float* out);

}  // namespace whet
