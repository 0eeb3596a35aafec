// Llama 1 to 3 and what is published as Llama (SmolLM2, TinyLlama, R1 distillates), Mistral,
// Mixtral: one architecture of GGUF, three of Hugging Face.
#include "load/architectures/architectures.h"
#include "load/architectures/common.h"
#include "load/rope_reader.h"

namespace whet {
namespace {

constexpr TensorNames kMixtralNames =
    kLlamaNames.with(Slot::kRouter, "model.layers.{}.block_sparse_moe.gate.weight")
        .with(Slot::kExpertGate, "model.layers.{}.block_sparse_moe.experts.{}.w1.weight")
        .with(Slot::kExpertUp, "model.layers.{}.block_sparse_moe.experts.{}.w3.weight")
        .with(Slot::kExpertDown, "model.layers.{}.block_sparse_moe.experts.{}.w2.weight");

Status read_rope_and_activation(ConfigReader& reader, double usual_theta, ModelConfig& config) {
  WHET_TRY(const Activation activation, read_activation(reader, "hidden_act", Activation::kSilu));
  RopeWords words;
  words.head_dim = config.layers[0].attention.head_dim;
  words.pairing = kLlama.dialect(reader.file().container).pairing;
  words.usual_theta = usual_theta;
  WHET_TRY(RopeForm rope, read_rope(reader, config, words));
  config.ropes = {std::move(rope)};
  for (LayerForm& layer : config.layers) layer.ffn.activation = activation;
  return ok_status();
}

/// Experts instead of FFNs, in Mixtral's words.
Status read_mixtral_experts(ConfigReader& reader, ModelConfig& config) {
  WHET_TRY(ExpertsForm experts,
           read_experts(reader, {.count = {"expert_count", "num_local_experts"},
                                 .width = {"feed_forward_length", "intermediate_size"}}));
  set_experts(experts, 0, config);
  return ok_status();
}

Status read_llama(ConfigReader& reader, ModelConfig& config) {
  // Some files say that a dense model has 0 experts.
  double n_experts = 0;
  if (reader.is_gguf()) {
    WHET_TRY(n_experts, reader.number({"expert_count", ""}, 0));
  }
  const bool experts = n_experts > 0;
  if (reader.is_gguf() && !experts) {
    WHET_TRY_STATUS(reader.number({"expert_used_count", ""}, 0));
  }
  Sizes sizes;
  sizes.dense = !experts;
  WHET_TRY_STATUS(read_sizes(reader, sizes, config));
  WHET_TRY(const bool attention_bias,
           read_bias(reader, "attention_bias", false, "blk.0.attn_q.bias"));
  WHET_TRY(const bool mlp_bias, read_bias(reader, "mlp_bias", false, "blk.0.ffn_up.bias"));
  WHET_TRY_STATUS(read_rope_and_activation(reader, 10000, config));
  for (LayerForm& layer : config.layers) {
    layer.attention.qkv_bias = layer.attention.output_bias = attention_bias;
    layer.ffn.bias = mlp_bias;
  }
  return experts ? read_mixtral_experts(reader, config) : ok_status();
}

/// GGUF has no word for Mistral's window in its llama.
Status read_hugging_face_windows(ConfigReader& reader, int64_t usual, ModelConfig& config) {
  WHET_TRY(const std::vector<int64_t> windows,
           read_windows(
               reader, config.n_layers(), [](int64_t) { return true; }, usual));
  for (size_t i = 0; i < windows.size(); ++i) config.layers[i].attention.window = windows[i];
  if (windows[0] > 0) reader.cannot_say("the window of Mistral's attention");
  return ok_status();
}

Status read_mistral(ConfigReader& reader, ModelConfig& config) {
  WHET_TRY_STATUS(read_sizes(reader, {}, config));
  WHET_TRY_STATUS(read_rope_and_activation(reader, 10000, config));
  return read_hugging_face_windows(reader, 4096, config);
}

Status read_mixtral(ConfigReader& reader, ModelConfig& config) {
  WHET_TRY_STATUS(read_sizes(reader, {.dense = false}, config));
  WHET_TRY_STATUS(read_rope_and_activation(reader, 1e6, config));
  WHET_TRY_STATUS(read_hugging_face_windows(reader, 0, config));
  return read_mixtral_experts(reader, config);
}

Status read_ministral3(ConfigReader& reader, ModelConfig& config) {
  WHET_TRY_STATUS(read_sizes(reader, {}, config));
  WHET_TRY(const Activation activation, read_activation(reader, "hidden_act", Activation::kSilu));
  WHET_TRY_STATUS(read_hugging_face_windows(reader, 0, config));
  RopeWords words;
  words.head_dim = config.layers[0].attention.head_dim;
  words.pairing = kLlama.dialect(reader.file().container).pairing;
  words.query_growth = true;
  WHET_TRY(RopeForm rope, read_rope(reader, config, words));
  config.ropes = {std::move(rope)};
  for (LayerForm& layer : config.layers) layer.ffn.activation = activation;
  return ok_status();
}

}  // namespace

const Architecture kLlama{
    .name = "llama",
    .model_types = {"llama"},
    .gguf = {kGgufNames, kernels::RopePairing::kInterleaved},
    .hugging_face = {kLlamaNames, kernels::RopePairing::kHalfSplit},
    .read = read_llama,
};

const Architecture kMistral{
    .name = "llama",
    .model_types = {"mistral"},
    .gguf = {kGgufNames, kernels::RopePairing::kInterleaved},
    .hugging_face = {kLlamaNames, kernels::RopePairing::kHalfSplit},
    .read = read_mistral,
};

const Architecture kMixtral{
    .name = "llama",
    .model_types = {"mixtral"},
    .gguf = {kGgufNames, kernels::RopePairing::kInterleaved},
    .hugging_face = {kMixtralNames, kernels::RopePairing::kHalfSplit},
    .other_names = {{"num_local_experts", "num_experts"}},
    .read = read_mixtral,
};

const Architecture kMinistral3{
    .name = "mistral3",
    .model_types = {"ministral3"},
    .gguf = {kGgufNames, kernels::RopePairing::kInterleaved},
    .hugging_face = {kLlamaNames, kernels::RopePairing::kHalfSplit},
    .read = read_ministral3,
};

}  // namespace whet
