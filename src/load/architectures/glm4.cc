// GLM-4 (0414): norms on both sides of each half, half of each head rotates in neighbouring pairs.
#include "load/architectures/architectures.h"
#include "load/architectures/common.h"
#include "load/rope_reader.h"

namespace whet {
namespace {

constexpr TensorNames kGlm4GgufFused = kGgufNames.with(Slot::kGateUp, "blk.{}.ffn_up.weight")
                                           .with(Slot::kGate, "")
                                           .with(Slot::kUp, "");
constexpr TensorNames kGlm4Names =
    kLlamaNames.with(Slot::kAttentionPostNorm, "model.layers.{}.post_self_attn_layernorm.weight")
        .with(Slot::kFfnPostNorm, "model.layers.{}.post_mlp_layernorm.weight")
        .with(Slot::kGateUp, "model.layers.{}.mlp.gate_up_proj.weight");

Status read_glm4(ConfigReader& reader, ModelConfig& config) {
  Sizes sizes;
  sizes.usual_epsilon = 1.5625e-7;
  WHET_TRY_STATUS(read_sizes(reader, sizes, config));
  WHET_TRY(const Activation activation, read_activation(reader, "hidden_act", Activation::kSilu));
  WHET_TRY(const bool bias, read_bias(reader, "attention_bias", false, "blk.0.attn_q.bias"));
  RopeWords words;
  words.head_dim = config.layers[0].attention.head_dim;
  words.pairing = kernels::RopePairing::kInterleaved;
  words.rotary_factor = 0.5;
  WHET_TRY(RopeForm rope, read_rope(reader, config, words));
  config.ropes = {std::move(rope)};
  for (LayerForm& layer : config.layers) {
    layer.norm_after = true;
    layer.attention.qkv_bias = bias;
    layer.ffn.activation = activation;
  }
  return ok_status();
}

}  // namespace

const Architecture kGlm4{
    .name = "glm4",
    .model_types = {"glm4"},
    .gguf = {kGlm4GgufFused, kernels::RopePairing::kInterleaved},
    .hugging_face = {kGlm4Names, kernels::RopePairing::kInterleaved},
    .read = read_glm4,
};

}  // namespace whet
