// GPT-NeoX and Pythia: attention beside an FFN without gate, each behind a LayerNorm of its own, or
// one behind the other.
#include "load/architectures/architectures.h"
#include "load/architectures/common.h"
#include "load/rope_reader.h"

namespace whet {
namespace {

constexpr TensorNames kGptNeoxNames =
    TensorNames()
        .with(Slot::kEmbedding, "gpt_neox.embed_in.weight")
        .with(Slot::kOutputNorm, "gpt_neox.final_layer_norm.weight")
        .with(Slot::kHead, "embed_out.weight")
        .with(Slot::kAttentionNorm, "gpt_neox.layers.{}.input_layernorm.weight")
        .with(Slot::kQkv, "gpt_neox.layers.{}.attention.query_key_value.weight")
        .with(Slot::kAttentionOutput, "gpt_neox.layers.{}.attention.dense.weight")
        .with(Slot::kFfnNorm, "gpt_neox.layers.{}.post_attention_layernorm.weight")
        .with(Slot::kUp, "gpt_neox.layers.{}.mlp.dense_h_to_4h.weight")
        .with(Slot::kDown, "gpt_neox.layers.{}.mlp.dense_4h_to_h.weight");

Status read_gptneox(ConfigReader& reader, ModelConfig& config) {
  Sizes sizes;
  sizes.norm = NormKind::kLayer;
  sizes.epsilon = {"attention.layer_norm_epsilon", "layer_norm_eps"};
  sizes.usual_epsilon = 1e-5;
  WHET_TRY_STATUS(read_sizes(reader, sizes, config));
  WHET_TRY(const bool parallel,
           reader.flag({"use_parallel_residual", "use_parallel_residual"}, true));
  WHET_TRY(const bool attention_bias, reader.flag({"", "attention_bias"}, true));
  if (!attention_bias) reader.cannot_say("GPT-NeoX without \"attention_bias\"");
  WHET_TRY(const Activation activation, read_activation(reader, "hidden_act", Activation::kGelu));
  // The words before transformers 5, whose "rope_parameters" count where both are there.
  WHET_TRY(const double theta, reader.number({"", "rotary_emb_base"}, 10000));
  WHET_TRY(const double rotated, reader.number({"", "rotary_pct"}, 0.25));
  RopeWords words;
  words.head_dim = config.layers[0].attention.head_dim;
  words.usual_theta = theta;
  words.rotary_factor = rotated;
  words.any_rotary_factor = true;
  WHET_TRY(RopeForm rope, read_rope(reader, config, words));
  config.ropes = {std::move(rope)};
  config.norm.bias = true;
  for (LayerForm& layer : config.layers) {
    layer.residual = parallel ? Residual::kParallelTwoNorms : Residual::kSequential;
    layer.attention.qkv_bias = layer.attention.output_bias = attention_bias;
    layer.ffn = {.dim = layer.ffn.dim, .activation = activation, .gated = false, .bias = true};
  }
  return ok_status();
}

}  // namespace

const Architecture kGptNeox{
    .name = "gptneox",
    .model_types = {"gpt_neox"},
    .gguf = {kGgufNames, kernels::RopePairing::kHalfSplit},
    .hugging_face = {.names = kGptNeoxNames,
                     .pairing = kernels::RopePairing::kHalfSplit,
                     .layouts = {{Slot::kQkv, WeightLayout::kHeadByHead}}},
    .read = read_gptneox,
};

}  // namespace whet
