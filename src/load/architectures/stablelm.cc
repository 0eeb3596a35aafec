// StableLM 2 (1.6B, Zephyr): Llama with LayerNorm and heads rotated in part.
#include "load/architectures/architectures.h"
#include "load/architectures/common.h"
#include "load/rope_reader.h"

namespace whet {
namespace {

Status read_stablelm(ConfigReader& reader, ModelConfig& config) {
  Sizes sizes;
  sizes.norm = NormKind::kLayer;
  sizes.epsilon = {"attention.layer_norm_epsilon", "layer_norm_eps"};
  sizes.usual_epsilon = 1e-5;
  WHET_TRY_STATUS(read_sizes(reader, sizes, config));
  WHET_TRY(const Activation activation, read_activation(reader, "hidden_act", Activation::kSilu));
  WHET_TRY_STATUS(reader.expect_flag({"use_parallel_residual", "use_parallel_residual"}, false));
  WHET_TRY_STATUS(reader.expect_flag({"", "qk_layernorm"}, false));
  WHET_TRY(const bool bias, read_bias(reader, "use_qkv_bias", false, "blk.0.attn_q.bias"));
  RopeWords words;
  words.head_dim = config.layers[0].attention.head_dim;
  words.rotary_factor = 0.25;
  WHET_TRY(RopeForm rope, read_rope(reader, config, words));
  config.ropes = {std::move(rope)};
  config.norm.bias = true;
  for (LayerForm& layer : config.layers) {
    layer.attention.qkv_bias = bias;
    layer.ffn.activation = activation;
  }
  return ok_status();
}

}  // namespace

const Architecture kStableLm{
    .name = "stablelm",
    .model_types = {"stablelm"},
    .gguf = {kGgufNames, kernels::RopePairing::kHalfSplit},
    .hugging_face = {kLlamaNames, kernels::RopePairing::kHalfSplit},
    .read = read_stablelm,
};

}  // namespace whet
