#include "synth/model_shape.h"

#include <fmt/format.h>

#include <algorithm>

#include "kernels/kernels.h"

namespace whet {
namespace {

const std::vector<ModelShape>& known_shapes() {
  static const std::vector<ModelShape> shapes{
      {"tinyllama-1.1b", 22, 2048, 32, 4, 64, 5632, 32000, 2048},
      {"mistral-7b", 32, 4096, 32, 8, 128, 14336, 32000, 32768},
      {"llama-2-7b", 32, 4096, 32, 32, 128, 11008, 32000, 4096},
      {"llama-3.2-1b", 16, 2048, 32, 8, 64, 8192, 128256, 131072, 500000, 1e-5, true},
      {"qwen2.5-0.5b", 24, 896, 14, 2, 64, 4864, 151936, 32768, 1e6, 1e-6, true, "qwen2"},
      {"phi-2", 32, 2560, 32, 32, 80, 10240, 51200, 2048, 10000, 1e-5, false, "phi2", 32},
      {"smollm2-135m", 30, 576, 9, 3, 64, 1536, 49152, 8192, 100000, 1e-5, true},
  };
  return shapes;
}

}  // namespace

std::vector<std::string> known_shape_names() {
  std::vector<std::string> names;
  for (const ModelShape& shape : known_shapes()) names.push_back(shape.name);
  return names;
}

Result<ModelShape> known_shape(std::string_view name) {
  for (const ModelShape& shape : known_shapes()) {
    if (shape.name == name) return shape;
  }
  return Error(ErrorCode::kNotFound,
               fmt::format("no known shape \"{}\"; expected one of {}, or give the sizes by flags",
                           name, fmt::join(known_shape_names(), ", ")));
}

Status validate(const ModelShape& s) {
  const auto in_range = [](std::string_view what, uint64_t found, uint64_t low,
                           uint64_t high) -> Status {
    if (found >= low && found <= high) return ok_status();
    return Error(ErrorCode::kInvalidArgument,
                 fmt::format("{}: expected {} to {}, found {}", what, low, high, found));
  };
  WHET_TRY_STATUS(in_range("layers", s.n_layers, 1, 1024));
  WHET_TRY_STATUS(in_range("width", s.d_model, 1, 1 << 17));
  WHET_TRY_STATUS(in_range("heads", s.n_heads, 1, 4096));
  WHET_TRY_STATUS(in_range("KV heads", s.n_kv_heads, 1, s.n_heads));
  WHET_TRY_STATUS(in_range("head width", s.head_dim, 2, kernels::kMaxValueDim));
  WHET_TRY_STATUS(in_range("FFN width", s.ffn_dim, 1, 1 << 20));
  WHET_TRY_STATUS(in_range("vocabulary", s.vocab_size, 300, 1 << 20));
  WHET_TRY_STATUS(in_range("context", s.context_length, 1, 1 << 28));
  if (s.n_heads % s.n_kv_heads != 0) {
    return Error(ErrorCode::kInvalidArgument,
                 fmt::format("{} heads cannot share {} KV heads evenly", s.n_heads, s.n_kv_heads));
  }
  const uint64_t rotated = s.rope_dim == 0 ? s.head_dim : s.rope_dim;
  if (rotated % 2 != 0 || rotated > s.head_dim) {
    return Error(ErrorCode::kInvalidArgument,
                 fmt::format("rotary dimensions: expected an even number up to the head width {}, "
                             "found {}; give --rope-dim",
                             s.head_dim, rotated));
  }
  if (s.architecture == "phi2" && s.tied_head) {
    return Error(ErrorCode::kInvalidArgument, "phi2 has a head of its own; leave out --tied-head");
  }
  return ok_status();
}

}  // namespace whet
