// Shapes of known Llama-architecture models, as their config.json files publish them.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace whet {

struct ModelShape {
  std::string name;
  uint64_t n_layers, d_model, n_heads, n_kv_heads, head_dim, ffn_dim, vocab_size, context_length;
  double rope_theta = 10000;
  double rms_eps = 1e-5;
  bool tied_head = false;              // no output.weight: the embedding is the head
  std::string architecture = "llama";  // or "qwen2": biases on queries, keys and values
};

/// Errors: kNotFound, names the known ones.
Result<ModelShape> known_shape(std::string_view name);
std::vector<std::string> known_shape_names();

/// Errors: kInvalidArgument where heads do not divide, a head is odd, or a size is zero or absurd.
Status validate(const ModelShape& shape);

}  // namespace whet
