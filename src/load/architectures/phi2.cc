// Phi-1, 1.5 and 2: attention beside an FFN without gate, LayerNorm, biases everywhere.
#include "load/architectures/architectures.h"
#include "load/architectures/common.h"
#include "load/rope_reader.h"

namespace whet {
namespace {

constexpr TensorNames kPhiNames =
    kLlamaNames.with(Slot::kOutputNorm, "model.final_layernorm.weight")
        .with(Slot::kAttentionOutput, "model.layers.{}.self_attn.dense.weight")
        .with(Slot::kUp, "model.layers.{}.mlp.fc1.weight")
        .with(Slot::kDown, "model.layers.{}.mlp.fc2.weight");

Status read_phi2(ConfigReader& reader, ModelConfig& config) {
  const Sizes sizes{.norm = NormKind::kLayer,
                    .epsilon = {"attention.layer_norm_epsilon", "layer_norm_eps"},
                    .usual_epsilon = 1e-5};
  WHET_TRY_STATUS(read_sizes(reader, sizes, config));
  WHET_TRY(const Activation activation,
           read_activation(reader, "hidden_act", Activation::kGeluTanh));
  WHET_TRY_STATUS(reader.expect_flag({"", "qk_layernorm"}, false));
  WHET_TRY_STATUS(reader.expect_flag({"", "tie_word_embeddings"}, false));
  WHET_TRY(RopeForm rope,
           read_rope(reader, config,
                     {.head_dim = config.layers[0].attention.head_dim, .rotary_factor = 0.5}));
  config.ropes = {std::move(rope)};
  config.norm.bias = config.head_bias = true;
  for (LayerForm& layer : config.layers) {
    layer.residual = Residual::kParallelOneNorm;
    layer.attention.qkv_bias = layer.attention.output_bias = true;
    layer.ffn = {.dim = layer.ffn.dim, .activation = activation, .gated = false, .bias = true};
  }
  return ok_status();
}

}  // namespace

const Architecture kPhi2{
    .name = "phi2",
    .model_types = {"phi"},
    .gguf = {kGgufNames, kernels::RopePairing::kHalfSplit},
    .hugging_face = {kPhiNames, kernels::RopePairing::kHalfSplit},
    .read = read_phi2,
};

}  // namespace whet
