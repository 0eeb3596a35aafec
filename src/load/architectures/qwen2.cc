// Qwen2 and Qwen2.5: Llama with biases after queries, keys and values; Qwen2-MoE with experts
// beside an FFN that every token uses.
#include "load/architectures/architectures.h"
#include "load/architectures/common.h"
#include "load/rope_reader.h"

namespace whet {
namespace {

constexpr TensorNames kQwen2GgufExpertNames =
    kGgufNames.with(Slot::kGate, "blk.{}.ffn_gate_shexp.weight")
        .with(Slot::kUp, "blk.{}.ffn_up_shexp.weight")
        .with(Slot::kDown, "blk.{}.ffn_down_shexp.weight");
constexpr TensorNames kQwen2ExpertNames =
    kLlamaExpertNames.with(Slot::kGate, "model.layers.{}.mlp.shared_expert.gate_proj.weight")
        .with(Slot::kUp, "model.layers.{}.mlp.shared_expert.up_proj.weight")
        .with(Slot::kDown, "model.layers.{}.mlp.shared_expert.down_proj.weight")
        .with(Slot::kSharedGate, "model.layers.{}.mlp.shared_expert_gate.weight");

bool qwen2_from_limit_on(int64_t layer, double limit) {
  return static_cast<double>(layer) >= limit;
}
bool even_before_limit(int64_t layer, double limit) {
  return layer % 2 == 0 && static_cast<double>(layer) < limit;
}

Status read_qwen2_base(ConfigReader& reader, bool dense, ModelConfig& config) {
  WHET_TRY_STATUS(read_sizes(reader, {.dense = dense}, config));
  WHET_TRY(const Activation activation, read_activation(reader, "hidden_act", Activation::kSilu));
  WHET_TRY_STATUS(
      read_qwen_windows(reader, dense ? qwen2_from_limit_on : even_before_limit, config));
  RopeWords words;
  words.head_dim = config.layers[0].attention.head_dim;
  words.sections = true;  // of the models that see
  if (reader.architecture().find("_vl") != std::string::npos) words.usual_theta = 1e6;
  WHET_TRY(RopeForm rope, read_rope(reader, config, words));
  config.ropes = {std::move(rope)};
  for (LayerForm& layer : config.layers) {
    layer.attention.qkv_bias = true;
    layer.ffn.activation = activation;
  }
  return ok_status();
}

Status read_qwen2(ConfigReader& reader, ModelConfig& config) {
  return read_qwen2_base(reader, true, config);
}

/// The part that reads text of Qwen2-VL and Qwen2.5-VL.
Status read_qwen2_seeing(ConfigReader& reader, ModelConfig& config) {
  reader.skip({"rope.dimension_sections"});
  if (!reader.is_gguf()) {
    reader.skip({"vision_config", "image_token_id", "video_token_id", "vision_start_token_id",
                 "vision_end_token_id", "vision_token_id", "tie_word_embeddings"});
    // The first files have the words of the text beside those of the eyes.
    if (reader.json("text_config").is_object()) WHET_TRY_STATUS(reader.descend("text_config"));
    reader.cannot_say("the eyes of this model");
  }
  return read_qwen2_base(reader, true, config);
}

Status read_qwen2_moe(ConfigReader& reader, ModelConfig& config) {
  WHET_TRY_STATUS(read_qwen2_base(reader, false, config));
  WHET_TRY_STATUS(reader.expect_flag({"", "qkv_bias"}, true));
  WHET_TRY_STATUS(expect_experts_everywhere(reader));
  WHET_TRY(ExpertsForm experts, read_experts(reader, {}));
  WHET_TRY(const bool normalised, reader.flag({"", "norm_topk_prob"}, false));
  if (normalised) reader.cannot_say("\"norm_topk_prob\": true of Qwen2-MoE");
  experts.router = normalised ? Router::kSoftmaxThenTopNormalised : Router::kSoftmaxThenTop;
  experts.shared_gate = true;
  WHET_TRY(const int64_t shared,
           reader.count({"expert_shared_feed_forward_length", "shared_expert_intermediate_size"},
                        kMaxWidth));
  set_experts(experts, shared, config);
  return ok_status();
}

}  // namespace

const Architecture kQwen2{
    .name = "qwen2",
    .model_types = {"qwen2"},
    .gguf = {kGgufNames, kernels::RopePairing::kHalfSplit},
    .hugging_face = {kLlamaNames, kernels::RopePairing::kHalfSplit},
    .read = read_qwen2,
};

const Architecture kQwen2Vl{
    .name = "qwen2vl",
    .model_types = {"qwen2_vl", "qwen2_5_vl", "qwen2_vl_text", "qwen2_5_vl_text"},
    .gguf = {kGgufNames, kernels::RopePairing::kHalfSplit},
    .hugging_face = {kLlamaNames, kernels::RopePairing::kHalfSplit, 0, false, {}, {"visual."}},
    .read = read_qwen2_seeing,
};

const Architecture kQwen2Moe{
    .name = "qwen2moe",
    .model_types = {"qwen2_moe"},
    .gguf = {kQwen2GgufExpertNames, kernels::RopePairing::kHalfSplit},
    .hugging_face = {kQwen2ExpertNames, kernels::RopePairing::kHalfSplit},
    .read = read_qwen2_moe,
};

}  // namespace whet
