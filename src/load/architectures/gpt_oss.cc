// gpt-oss: experts with clamped gates and biases, attention sinks, windows in every other layer,
// YaRN without rounding. In SafeTensors the experts' gates and ups stand by turns.
#include "base/invalid_model.h"
#include "load/architectures/architectures.h"
#include "load/architectures/common.h"
#include "load/rope_reader.h"

namespace whet {
namespace {

constexpr TensorNames kGptOssGguf =
    kGgufNames.with(Slot::kFfnNorm, "blk.{}.post_attention_norm.weight");

constexpr TensorNames kGptOssNames =
    kLlamaNames.with(Slot::kSinks, "model.layers.{}.self_attn.sinks")
        .with(Slot::kRouter, "model.layers.{}.mlp.router.weight")
        .with(Slot::kExpertGateUp, "model.layers.{}.mlp.experts.gate_up_proj")
        .with(Slot::kExpertDown, "model.layers.{}.mlp.experts.down_proj");

/// What config.json may only say in one way.
Status read_gpt_oss_json(ConfigReader& reader) {
  WHET_TRY_STATUS(reader.expect_text({"", "hidden_act"}, "silu"));
  for (const auto& [word, only] :
       {std::pair("swiglu_alpha", 1.702), std::pair("swiglu_limit", 7.0)}) {
    WHET_TRY(const double found, reader.number({"", word}, only));
    if (found != only) {
      return invalid_model("config.json: \"{}\": expected {}, found {}", word, only, found);
    }
  }
  if (!reader.has({"", "rope_parameters"}) && !reader.has({"", "rope_scaling"})) {
    return invalid_model("config.json: \"rope_scaling\": expected YaRN's words, found none");
  }
  // Old names of "num_experts_per_tok" and of YaRN's "original_max_position_embeddings".
  reader.skip({"experts_per_token", "initial_context_length"});
  return ok_status();
}

Status read_gpt_oss(ConfigReader& reader, ModelConfig& config) {
  Sizes sizes;
  sizes.dense = false;
  sizes.usual_epsilon = 1e-5;
  WHET_TRY_STATUS(read_sizes(reader, sizes, config));
  WHET_TRY(ExpertsForm experts,
           read_experts(reader, {.count = {"expert_count", "num_local_experts"},
                                 .width = {"expert_feed_forward_length", "intermediate_size"}}));
  WHET_TRY(const std::vector<int64_t> windows,
           read_windows(
               reader, config.n_layers(), [](int64_t i) { return i % 2 == 0; }, 128));
  if (!reader.is_gguf()) WHET_TRY_STATUS(read_gpt_oss_json(reader));
  WHET_TRY(const bool attention_bias, reader.flag({"", "attention_bias"}, true));
  if (!attention_bias) reader.cannot_say("gpt-oss without \"attention_bias\"");
  RopeWords words;
  words.head_dim = config.layers[0].attention.head_dim;
  words.usual_theta = 150000;
  words.yarn_truncates = false;
  WHET_TRY(RopeForm rope, read_rope(reader, config, words));
  config.ropes = {std::move(rope)};
  experts.router_bias = true;
  experts.expert.activation = Activation::kClampedSwiGlu;
  experts.expert.bias = true;
  for (size_t i = 0; i < windows.size(); ++i) {
    LayerForm& layer = config.layers[i];
    layer.attention.window = windows[i];
    layer.attention.sinks = true;
    layer.attention.qkv_bias = layer.attention.output_bias = attention_bias;
    layer.experts = experts;
    layer.ffn.dim = 0;
  }
  return ok_status();
}

}  // namespace

const Architecture kGptOss{
    .name = "gpt-oss",
    .model_types = {"gpt_oss"},
    .gguf = {kGptOssGguf, kernels::RopePairing::kHalfSplit},
    .hugging_face = {.names = kGptOssNames,
                     .pairing = kernels::RopePairing::kHalfSplit,
                     .layouts = {{Slot::kExpertGateUp, WeightLayout::kTransposedPairs},
                                 {Slot::kExpertDown, WeightLayout::kTransposed}}},
    .other_names = {{"num_local_experts", "num_experts"}},
    .read = read_gpt_oss,
};

}  // namespace whet
