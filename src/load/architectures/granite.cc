// Granite 3 and 4 without state layers: Llama with four factors, dense or with experts.
#include "load/architectures/architectures.h"
#include "load/architectures/common.h"
#include "load/rope_reader.h"

namespace whet {
namespace {

constexpr TensorNames kGraniteExpertNames =
    kLlamaNames.with(Slot::kRouter, "model.layers.{}.block_sparse_moe.router.layer.weight")
        .with(Slot::kExpertGateUp, "model.layers.{}.block_sparse_moe.input_linear.weight")
        .with(Slot::kExpertDown, "model.layers.{}.block_sparse_moe.output_linear.weight");

Status read_granite_base(ConfigReader& reader, bool dense, ModelConfig& config) {
  WHET_TRY_STATUS(read_sizes(reader, {.dense = dense}, config));
  WHET_TRY(const Activation activation, read_activation(reader, "hidden_act", Activation::kSilu));
  WHET_TRY(const bool attention_bias,
           read_bias(reader, "attention_bias", false, "blk.0.attn_q.bias"));
  WHET_TRY(const bool mlp_bias, read_bias(reader, "mlp_bias", false, "blk.0.ffn_up.bias"));
  RopeWords words;
  words.head_dim = config.layers[0].attention.head_dim;
  words.pairing = kGranite.dialect(reader.file().container).pairing;
  WHET_TRY(RopeForm rope, read_rope(reader, config, words));
  config.ropes = {std::move(rope)};
  WHET_TRY(const double embedding, reader.number({"embedding_scale", "embedding_multiplier"}, 1));
  WHET_TRY(const double residual, reader.number({"residual_scale", "residual_multiplier"}, 1));
  WHET_TRY(const double logits, reader.number({"logit_scale", "logits_scaling"}, 1));
  WHET_TRY(const double attention, reader.number({"attention.scale", "attention_multiplier"}, 1));
  config.embedding_scale = static_cast<float>(embedding);
  config.residual_scale = static_cast<float>(residual);
  config.logit_scale = static_cast<float>(1 / logits);
  for (LayerForm& layer : config.layers) {
    layer.attention.scale = static_cast<float>(attention);
    layer.attention.qkv_bias = layer.attention.output_bias = attention_bias;
    layer.ffn.activation = activation;
    layer.ffn.bias = mlp_bias;
  }
  return ok_status();
}

Status read_granite(ConfigReader& reader, ModelConfig& config) {
  return read_granite_base(reader, true, config);
}

Status read_granite_moe(ConfigReader& reader, ModelConfig& config) {
  WHET_TRY_STATUS(read_granite_base(reader, false, config));
  WHET_TRY(ExpertsForm experts,
           read_experts(reader, {.count = {"expert_count", "num_local_experts"},
                                 .width = {"feed_forward_length", "intermediate_size"}}));
  set_experts(experts, 0, config);
  return ok_status();
}

}  // namespace

const Architecture kGranite{
    .name = "granite",
    .model_types = {"granite"},
    .gguf = {kGgufNames, kernels::RopePairing::kInterleaved},
    .hugging_face = {kLlamaNames, kernels::RopePairing::kHalfSplit},
    .read = read_granite,
};

const Architecture kGraniteMoe{
    .name = "granitemoe",
    .model_types = {"granitemoe"},
    .gguf = {kGgufNames, kernels::RopePairing::kInterleaved},
    .hugging_face = {kGraniteExpertNames, kernels::RopePairing::kHalfSplit},
    .read = read_granite_moe,
};

}  // namespace whet
