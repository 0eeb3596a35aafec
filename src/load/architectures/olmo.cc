// OLMo 2: norms behind each half instead of before it, and of all queries and keys at once; OLMoE:
// such norms of queries and keys, norms before, experts.
#include "load/architectures/architectures.h"
#include "load/architectures/common.h"
#include "load/rope_reader.h"

namespace whet {
namespace {

constexpr TensorNames kOlmo2Names =
    kLlamaNames.with(Slot::kAttentionPostNorm, "model.layers.{}.post_attention_layernorm.weight")
        .with(Slot::kFfnPostNorm, "model.layers.{}.post_feedforward_layernorm.weight");

double usual_theta(const ConfigReader& reader) {
  return reader.architecture() == "olmo3" ? 5e5 : 10000;
}

Status read_olmo_base(ConfigReader& reader, bool dense, ModelConfig& config) {
  Sizes sizes;
  sizes.usual_epsilon = 1e-5;
  sizes.dense = dense;
  WHET_TRY_STATUS(read_sizes(reader, sizes, config));
  WHET_TRY(const Activation activation, read_activation(reader, "hidden_act", Activation::kSilu));
  WHET_TRY_STATUS(reader.expect_flag({"", "attention_bias"}, false));
  RopeWords words;
  words.head_dim = config.layers[0].attention.head_dim;
  words.layer_type = "full_attention";
  words.usual_theta = usual_theta(reader);
  WHET_TRY(RopeForm rope, read_rope(reader, config, words));
  config.ropes = {std::move(rope)};
  for (LayerForm& layer : config.layers) {
    layer.attention.qk_norm = QkNorm::kWhole;
    layer.ffn.activation = activation;
  }
  return ok_status();
}

/// OLMo 3: windows in three of four layers, whose rope no scaling stretches.
Status read_olmo_windowed(ConfigReader& reader, ModelConfig& config) {
  WHET_TRY(const std::vector<int64_t> windows,
           read_windows(
               reader, config.n_layers(), [](int64_t i) { return i % 4 < 3; }, 0));
  for (size_t i = 0; i < windows.size(); ++i) config.layers[i].attention.window = windows[i];
  RopeForm local = config.ropes[0];
  local.factors.clear();
  local.long_factors.clear();
  local.magnitude = 1;
  WHET_TRY(const double theta, reader.number({"rope.freq_base_swa", ""}, local.theta));
  local.theta = static_cast<float>(theta);
  if (!reader.is_gguf() && reader.json("rope_parameters").contains("sliding_attention")) {
    RopeWords words;
    words.head_dim = config.layers[0].attention.head_dim;
    words.layer_type = "sliding_attention";
    words.usual_theta = usual_theta(reader);
    WHET_TRY(local, read_rope(reader, config, words));
  }
  config.ropes.push_back(std::move(local));
  for (LayerForm& layer : config.layers) {
    if (layer.attention.window > 0) layer.attention.rope = 1;
  }
  return ok_status();
}

Status read_olmo2(ConfigReader& reader, ModelConfig& config) {
  WHET_TRY_STATUS(read_olmo_base(reader, true, config));
  const Word window{"attention.sliding_window", "sliding_window"};
  if (reader.has(window)) WHET_TRY_STATUS(read_olmo_windowed(reader, config));
  for (LayerForm& layer : config.layers) {
    layer.norm_before = false;
    layer.norm_after = true;
  }
  return ok_status();
}

Status read_olmoe(ConfigReader& reader, ModelConfig& config) {
  WHET_TRY_STATUS(read_olmo_base(reader, false, config));
  WHET_TRY(ExpertsForm experts,
           read_experts(reader, {.width = {"feed_forward_length", "intermediate_size"}}));
  WHET_TRY(const bool normalised, reader.flag({"", "norm_topk_prob"}, false));
  if (normalised) reader.cannot_say("\"norm_topk_prob\": true of OLMoE");
  experts.router = normalised ? Router::kSoftmaxThenTopNormalised : Router::kSoftmaxThenTop;
  set_experts(experts, 0, config);
  return ok_status();
}

}  // namespace

const Architecture kOlmo2{
    .name = "olmo2",
    .model_types = {"olmo2", "olmo3"},
    .gguf = {kGgufNames, kernels::RopePairing::kHalfSplit},
    .hugging_face = {kOlmo2Names, kernels::RopePairing::kHalfSplit},
    .read = read_olmo2,
};

const Architecture kOlmoe{
    .name = "olmoe",
    .model_types = {"olmoe"},
    .gguf = {kGgufNames, kernels::RopePairing::kHalfSplit},
    .hugging_face = {kLlamaExpertNames, kernels::RopePairing::kHalfSplit},
    .other_names = {{"num_experts", "num_local_experts"}},
    .read = read_olmoe,
};

}  // namespace whet
