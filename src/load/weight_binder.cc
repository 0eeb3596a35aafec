#include "load/weight_binder.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <cstring>
#include <set>

#include "kernels/kernels.h"

namespace whet {
namespace {

Error invalid(std::string message) {
  return Error(ErrorCode::kInvalidModel, std::move(message));
}

/// Where a container keeps the tensors of a Llama decoder; {} is the layer.
struct NameMap {
  const char* embedding;
  const char* output_norm;
  const char* head;
  const char* attention_norm;
  const char* q;
  const char* k;
  const char* v;
  const char* q_bias;
  const char* k_bias;
  const char* v_bias;
  const char* attention_output;
  const char* ffn_norm;
  const char* gate;
  const char* up;
  const char* down;
};

constexpr NameMap kGgufNames{
    .embedding = "token_embd.weight",
    .output_norm = "output_norm.weight",
    .head = "output.weight",
    .attention_norm = "blk.{}.attn_norm.weight",
    .q = "blk.{}.attn_q.weight",
    .k = "blk.{}.attn_k.weight",
    .v = "blk.{}.attn_v.weight",
    .q_bias = "blk.{}.attn_q.bias",
    .k_bias = "blk.{}.attn_k.bias",
    .v_bias = "blk.{}.attn_v.bias",
    .attention_output = "blk.{}.attn_output.weight",
    .ffn_norm = "blk.{}.ffn_norm.weight",
    .gate = "blk.{}.ffn_gate.weight",
    .up = "blk.{}.ffn_up.weight",
    .down = "blk.{}.ffn_down.weight",
};

constexpr NameMap kHuggingFaceNames{
    .embedding = "model.embed_tokens.weight",
    .output_norm = "model.norm.weight",
    .head = "lm_head.weight",
    .attention_norm = "model.layers.{}.input_layernorm.weight",
    .q = "model.layers.{}.self_attn.q_proj.weight",
    .k = "model.layers.{}.self_attn.k_proj.weight",
    .v = "model.layers.{}.self_attn.v_proj.weight",
    .q_bias = "model.layers.{}.self_attn.q_proj.bias",
    .k_bias = "model.layers.{}.self_attn.k_proj.bias",
    .v_bias = "model.layers.{}.self_attn.v_proj.bias",
    .attention_output = "model.layers.{}.self_attn.o_proj.weight",
    .ffn_norm = "model.layers.{}.post_attention_layernorm.weight",
    .gate = "model.layers.{}.mlp.gate_proj.weight",
    .up = "model.layers.{}.mlp.up_proj.weight",
    .down = "model.layers.{}.mlp.down_proj.weight",
};

/// Derived tables that old exporters stored; the config determines them.
bool is_derived(std::string_view name) {
  return name == "rope_freqs.weight" || name.ends_with(".rotary_emb.inv_freq");
}

class Binder {
 public:
  explicit Binder(const ModelFile& file) : file_(file) {}

  Result<Matrix> matrix(const std::string& name, int64_t rows, int64_t columns) {
    WHET_TRY(const TensorEntry* tensor,
             find(name, {static_cast<uint64_t>(rows), static_cast<uint64_t>(columns)}));
    return Matrix{tensor->type, tensor->bytes.data(), rows, columns};
  }

  Result<std::vector<float>> vector(const std::string& name, int64_t n) {
    WHET_TRY(const TensorEntry* tensor, find(name, {static_cast<uint64_t>(n)}));
    std::vector<float> values(static_cast<size_t>(n));
    kernels::dequantize_row(tensor->type, tensor->bytes.data(), values.data(), values.size());
    return values;
  }

  Status check_all_used(std::string_view architecture) const {
    for (const TensorEntry& tensor : file_.tensors) {
      if (!used_.contains(tensor.name) && !is_derived(tensor.name)) {
        return invalid(
            fmt::format("tensor {}: the {} architecture as whet runs it has no such weight",
                        tensor.name, architecture));
      }
    }
    return ok_status();
  }

 private:
  Result<const TensorEntry*> find(const std::string& name, const std::vector<uint64_t>& shape) {
    const TensorEntry* tensor = file_.find_tensor(name);
    if (tensor == nullptr)
      return invalid(fmt::format("tensor {}: expected {}, found none", name, shape));
    if (tensor->shape != shape) {
      return invalid(
          fmt::format("tensor {}: expected shape {}, found {}", name, shape, tensor->shape));
    }
    const uint64_t block = dtype_info(tensor->type).block_elements;
    if (!kernels::weight_type_supported(tensor->type) || shape.back() % block != 0) {
      return invalid(fmt::format("tensor {}: no kernel for type {} with rows of {} weights", name,
                                 dtype_info(tensor->type).name, shape.back()));
    }
    used_.insert(tensor->name);
    return tensor;
  }

  const ModelFile& file_;
  std::set<std::string, std::less<>> used_;
};

std::string of_layer(const char* pattern, int64_t layer) {
  return fmt::format(fmt::runtime(pattern), layer);
}

Result<LayerWeights> bind_layer(Binder& binder, const NameMap& names, const ModelConfig& c,
                                int64_t layer) {
  const int64_t q_dim = c.n_heads * c.head_dim, kv_dim = c.n_kv_heads * c.head_dim;
  LayerWeights w;
  WHET_TRY(w.attention_norm, binder.vector(of_layer(names.attention_norm, layer), c.d_model));
  WHET_TRY(w.q, binder.matrix(of_layer(names.q, layer), q_dim, c.d_model));
  WHET_TRY(w.k, binder.matrix(of_layer(names.k, layer), kv_dim, c.d_model));
  WHET_TRY(w.v, binder.matrix(of_layer(names.v, layer), kv_dim, c.d_model));
  if (c.has_qkv_bias) {
    WHET_TRY(w.q_bias, binder.vector(of_layer(names.q_bias, layer), q_dim));
    WHET_TRY(w.k_bias, binder.vector(of_layer(names.k_bias, layer), kv_dim));
    WHET_TRY(w.v_bias, binder.vector(of_layer(names.v_bias, layer), kv_dim));
  }
  WHET_TRY(w.attention_output,
           binder.matrix(of_layer(names.attention_output, layer), c.d_model, q_dim));
  WHET_TRY(w.ffn_norm, binder.vector(of_layer(names.ffn_norm, layer), c.d_model));
  WHET_TRY(w.gate, binder.matrix(of_layer(names.gate, layer), c.ffn_dim, c.d_model));
  WHET_TRY(w.up, binder.matrix(of_layer(names.up, layer), c.ffn_dim, c.d_model));
  WHET_TRY(w.down, binder.matrix(of_layer(names.down, layer), c.d_model, c.ffn_dim));
  return w;
}

}  // namespace

Result<Weights> bind_weights(const ModelFile& file, const ModelConfig& config) {
  const NameMap& names =
      file.container == ModelFile::Container::kGguf ? kGgufNames : kHuggingFaceNames;
  Binder binder(file);
  Weights weights;
  WHET_TRY(weights.embedding, binder.matrix(names.embedding, config.vocab_size, config.d_model));
  for (int64_t layer = 0; layer < config.n_layers; ++layer) {
    WHET_TRY(LayerWeights bound, bind_layer(binder, names, config, layer));
    weights.layers.push_back(std::move(bound));
  }
  WHET_TRY(weights.output_norm, binder.vector(names.output_norm, config.d_model));
  weights.head = weights.embedding;
  if (file.find_tensor(names.head) != nullptr) {
    WHET_TRY(weights.head, binder.matrix(names.head, config.vocab_size, config.d_model));
  }
  WHET_TRY_STATUS(binder.check_all_used(config.architecture));
  return weights;
}

}  // namespace whet
