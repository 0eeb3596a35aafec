// The form and sizes of a decoder: everything forward() must know besides the weights.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "kernels/kernels.h"

namespace whet {

/// Where decoders differ in what they compute. The default is Llama.
struct DecoderForm {
  enum class Norm {
    kRms,    // with gain
    kLayer,  // with gain and bias
  } norm = Norm::kRms;
  enum class Ffn {
    kSwiGlu,  // down(silu(gate(x)) * up(x))
    kGelu,    // down(gelu(up(x))), GELU by tanh
  } ffn = Ffn::kSwiGlu;
  /// Attention and FFN read the layer's one norm, and x grows by both; else one after the other,
  /// each with a norm of its own.
  bool parallel = false;
  bool qkv_bias = false;      // after queries, keys and values
  bool other_biases = false;  // after attention output, both matrices of the FFN, and the head
};

struct ModelConfig {
  std::string architecture;  // GGUF's name, in every container
  DecoderForm form;
  int64_t n_layers;        // L
  int64_t d_model;         // D
  int64_t n_heads;         // H
  int64_t n_kv_heads;      // G
  int64_t head_dim;        // K
  int64_t ffn_dim;         // F
  int64_t vocab_size;      // V
  int64_t context_length;  // positions that the model was trained for
  float norm_eps;

  kernels::RopePairing rope_pairing;
  int64_t rope_dim;  // rotated elements per head, even, <= head_dim
  float rope_theta;
  /// Divisor of each pair's frequency, [rope_dim/2]; empty = all ones (linear and Llama-3 scaling).
  std::vector<float> rope_factors;
};

}  // namespace whet
