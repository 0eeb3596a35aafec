// The shape of a Llama-family decoder: everything forward() must know besides the weights. Qwen2 is
// Llama with biases on queries, keys and values.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "kernels/kernels.h"

namespace whet {

struct ModelConfig {
  std::string architecture;  // "llama" or "qwen2"
  int64_t n_layers;          // L
  int64_t d_model;           // D
  int64_t n_heads;           // H
  int64_t n_kv_heads;        // G
  int64_t head_dim;          // K
  int64_t ffn_dim;           // F
  int64_t vocab_size;        // V
  int64_t context_length;    // positions that the model was trained for
  bool has_qkv_bias = false;
  float rms_eps;

  kernels::RopePairing rope_pairing;
  int64_t rope_dim;  // rotated elements per head, even, <= head_dim
  float rope_theta;
  /// Divisor of each pair's frequency, [rope_dim/2]; empty = all ones (linear and Llama-3 scaling).
  std::vector<float> rope_factors;
};

}  // namespace whet
