// Qwen3: norms of each head of queries and keys, heads of any width; Qwen3-MoE with experts.
#include "load/architectures/architectures.h"
#include "load/architectures/common.h"
#include "load/rope_reader.h"

namespace whet {
namespace {

bool qwen3_from_limit_on(int64_t layer, double limit) {
  return static_cast<double>(layer) >= limit;
}
bool always(int64_t, double) {
  return true;
}

Status read_qwen3_base(ConfigReader& reader, bool dense, ModelConfig& config) {
  WHET_TRY_STATUS(read_sizes(reader, {.dense = dense}, config));
  WHET_TRY(const Activation activation, read_activation(reader, "hidden_act", Activation::kSilu));
  WHET_TRY(const bool bias, read_bias(reader, "attention_bias", false, "blk.0.attn_q.bias"));
  WHET_TRY_STATUS(read_qwen_windows(reader, dense ? qwen3_from_limit_on : always, config));
  RopeWords words;
  words.head_dim = config.layers[0].attention.head_dim;
  words.sections = true;  // of the models that see
  if (reader.architecture() == "qwen3_vl") words.usual_theta = 5e5;
  WHET_TRY(RopeForm rope, read_rope(reader, config, words));
  config.ropes = {std::move(rope)};
  for (LayerForm& layer : config.layers) {
    layer.attention.qk_norm = QkNorm::kPerHead;
    layer.attention.qkv_bias = layer.attention.output_bias = bias;
    layer.ffn.activation = activation;
  }
  return ok_status();
}

Status read_qwen3(ConfigReader& reader, ModelConfig& config) {
  return read_qwen3_base(reader, true, config);
}

/// The part that reads text of Qwen3-VL.
Status read_qwen3_seeing(ConfigReader& reader, ModelConfig& config) {
  // Where pictures enter, and in which layers.
  reader.skip({"rope.dimension_sections", "n_deepstack_layers", "vision_config", "image_token_id",
               "video_token_id", "vision_start_token_id", "vision_end_token_id",
               "tie_word_embeddings"});
  if (!reader.is_gguf()) {
    WHET_TRY_STATUS(reader.descend("text_config"));
    reader.cannot_say("the eyes of this model");
  }
  return read_qwen3_base(reader, true, config);
}

Status read_qwen3_moe(ConfigReader& reader, ModelConfig& config) {
  WHET_TRY_STATUS(read_qwen3_base(reader, false, config));
  WHET_TRY_STATUS(expect_experts_everywhere(reader));
  WHET_TRY(ExpertsForm experts, read_experts(reader, {}));
  // GGUF has no word for it and means what all published models say.
  WHET_TRY(const bool normalised, reader.flag({"", "norm_topk_prob"}, reader.is_gguf()));
  if (!normalised) reader.cannot_say("\"norm_topk_prob\": false of Qwen3-MoE");
  experts.router = normalised ? Router::kSoftmaxThenTopNormalised : Router::kSoftmaxThenTop;
  set_experts(experts, 0, config);
  return ok_status();
}

}  // namespace

const Architecture kQwen3{
    .name = "qwen3",
    .model_types = {"qwen3"},
    .gguf = {kGgufNames, kernels::RopePairing::kHalfSplit},
    .hugging_face = {kLlamaNames, kernels::RopePairing::kHalfSplit},
    .read = read_qwen3,
};

const Architecture kQwen3Vl{
    .name = "qwen3vl",
    .model_types = {"qwen3_vl"},
    .gguf = {kGgufNames, kernels::RopePairing::kHalfSplit},
    .hugging_face = {kLlamaNames,
                     kernels::RopePairing::kHalfSplit,
                     0,
                     false,
                     "model.language_model.",
                     {"model.visual."}},
    .read = read_qwen3_seeing,
};

const Architecture kQwen3Moe{
    .name = "qwen3moe",
    .model_types = {"qwen3_moe"},
    .gguf = {kGgufNames, kernels::RopePairing::kHalfSplit},
    .hugging_face = {kLlamaExpertNames, kernels::RopePairing::kHalfSplit},
    .other_names = {{"num_experts", "num_local_experts"}},
    .read = read_qwen3_moe,
};

}  // namespace whet
