// Shapes of known models, as their config.json files publish them.
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
  double norm_eps = 1e-5;
  bool tied_head = false;              // no output.weight: the embedding is the head
  std::string architecture = "llama";  // or qwen2, phi2
  uint64_t rope_dim = 0;               // rotated elements per head; 0: all
};

/// Errors: kNotFound, names the known ones.
Result<ModelShape> known_shape(std::string_view name);
std::vector<std::string> known_shape_names();

/// Errors: kInvalidArgument where heads do not divide, the rotated part of a head is odd or wider
/// than it, a phi2 head is tied, or a size is zero or absurd.
Status validate(const ModelShape& shape);

}  // namespace whet
