// LFM2: short convolutions in most layers, attention with normed heads in the others; LFM2-MoE with
// experts, which a bias chooses, behind a few dense layers.
#include "load/architectures/architectures.h"
#include "load/architectures/common.h"
#include "load/rope_reader.h"

namespace whet {
namespace {

constexpr TensorNames kGgufConvolutionNames =
    kGgufNames.with(Slot::kOutputNorm, "token_embd_norm.weight")
        .with(Slot::kMixerIn, "blk.{}.shortconv.in_proj.weight")
        .with(Slot::kConvolution, "blk.{}.shortconv.conv.weight")
        .with(Slot::kConvolutionBias, "blk.{}.shortconv.conv.bias")
        .with(Slot::kMixerOutput, "blk.{}.shortconv.out_proj.weight");
constexpr TensorNames kLfm2Names =
    kLlamaNames.with(Slot::kOutputNorm, "model.embedding_norm.weight")
        .with(Slot::kAttentionNorm, "model.layers.{}.operator_norm.weight")
        .with(Slot::kQNorm, "model.layers.{}.self_attn.q_layernorm.weight")
        .with(Slot::kKNorm, "model.layers.{}.self_attn.k_layernorm.weight")
        .with(Slot::kAttentionOutput, "model.layers.{}.self_attn.out_proj.weight")
        .with(Slot::kMixerIn, "model.layers.{}.conv.in_proj.weight")
        .with(Slot::kConvolution, "model.layers.{}.conv.conv.weight")
        .with(Slot::kConvolutionBias, "model.layers.{}.conv.conv.bias")
        .with(Slot::kMixerOutput, "model.layers.{}.conv.out_proj.weight")
        .with(Slot::kFfnNorm, "model.layers.{}.ffn_norm.weight")
        .with(Slot::kGate, "model.layers.{}.feed_forward.w1.weight")
        .with(Slot::kUp, "model.layers.{}.feed_forward.w3.weight")
        .with(Slot::kDown, "model.layers.{}.feed_forward.w2.weight")
        .with(Slot::kRouter, "model.layers.{}.feed_forward.gate.weight")
        .with(Slot::kSelectionBias, "model.layers.{}.feed_forward.expert_bias")
        .with(Slot::kExpertGate, "model.layers.{}.feed_forward.experts.{}.w1.weight")
        .with(Slot::kExpertUp, "model.layers.{}.feed_forward.experts.{}.w3.weight")
        .with(Slot::kExpertDown, "model.layers.{}.feed_forward.experts.{}.w2.weight");

/// The width of the FFN as the model's code computes it from config.json.
Status adjust_width(ConfigReader& reader, ModelConfig& config) {
  if (reader.is_gguf()) return ok_status();
  reader.skip({"block_dim", "block_mlp_init_scale", "block_norm_eps", "block_out_init_scale",
               "block_use_swiglu", "block_use_xavier_init", "conv_dim", "conv_dim_out",
               "conv_use_xavier_init", "num_heads"});  // of the files' first code, and not read
  WHET_TRY_STATUS(reader.expect_flag({"", "use_pos_enc"}, true));
  WHET_TRY(const bool adjusted, reader.flag({"", "block_auto_adjust_ff_dim"}, true));
  WHET_TRY(const double factor,
           reader.number({"", "block_ffn_dim_multiplier"},
                         reader.says_null({"", "block_ffn_dim_multiplier"}) ? 0.0 : 1.0));
  WHET_TRY(const int64_t multiple, reader.count({"", "block_multiple_of"}, kMaxWidth, 256));
  const Word other{"", "block_ff_dim"};
  int64_t width = config.layers[0].ffn.dim;
  if (reader.has(other)) {
    WHET_TRY(width, reader.count(other, kMaxWidth));
  }
  if (adjusted) {
    width = 2 * width / 3;
    if (factor > 0) {
      width = static_cast<int64_t>(factor * static_cast<double>(width));
      width = (width + multiple - 1) / multiple * multiple;
    }
  }
  if (width < 1 || width > static_cast<int64_t>(kMaxWidth)) {
    return Error(ErrorCode::kInvalidModel,
                 "config.json: \"block_ffn_dim_multiplier\": expected a width above 0");
  }
  for (LayerForm& layer : config.layers) layer.ffn.dim = width;
  return ok_status();
}

Status read_lfm2_base(ConfigReader& reader, ModelConfig& config) {
  Sizes sizes;
  sizes.dense = false;
  sizes.hybrid = true;
  sizes.epsilon = {"attention.layer_norm_rms_epsilon", "norm_eps"};
  sizes.usual_epsilon = 1e-5;
  WHET_TRY_STATUS(read_sizes(reader, sizes, config));
  reader.skip({"full_attn_idxs", "tie_embedding"});  // "layer_types" says it; the tensors do
  WHET_TRY(const std::vector<bool> attending,
           read_attending_layers(reader, config, {"full_attention"}, "conv"));
  RecurrentForm convolution;
  convolution.channels = config.d_model;
  WHET_TRY(convolution.width, reader.count({"shortconv.l_cache", "conv_L_cache"}, 8, 3));
  WHET_TRY(convolution.convolution_bias, reader.flag({"", "conv_bias"}, false));
  convolution.projection_bias = convolution.convolution_bias;
  RopeWords words;
  words.head_dim = config.layers[0].attention.head_dim;
  words.usual_theta = 1e6;
  WHET_TRY(RopeForm rope, read_rope(reader, config, words));
  config.ropes = {std::move(rope)};
  for (size_t i = 0; i < attending.size(); ++i) {
    LayerForm& layer = config.layers[i];
    layer.mixer = attending[i] ? Mixer::kAttention : Mixer::kShortConvolution;
    layer.attention.qk_norm = QkNorm::kPerHead;
    layer.recurrent = convolution;
  }
  reader.cannot_say("the layers of LFM2");
  return ok_status();
}

Status read_lfm2(ConfigReader& reader, ModelConfig& config) {
  WHET_TRY_STATUS(read_lfm2_base(reader, config));
  return adjust_width(reader, config);
}

Status read_lfm2_moe(ConfigReader& reader, ModelConfig& config) {
  WHET_TRY_STATUS(read_lfm2_base(reader, config));
  WHET_TRY(ExpertsForm experts, read_experts(reader, {}));
  const Word dense_word{"leading_dense_block_count", "num_dense_layers"};
  WHET_TRY(const double n_dense, reader.number(dense_word, 2));
  // Of llama.cpp: 1 is softmax, 2 sigmoid.
  WHET_TRY(const double function, reader.number({"expert_gating_func", ""}, 2));
  if (function != 2) {
    return Error(ErrorCode::kInvalidModel,
                 reader.name({"expert_gating_func", ""}) + ": expected 2 (sigmoid)");
  }
  WHET_TRY_STATUS(reader.expect_flag({"", "norm_topk_prob"}, true));
  WHET_TRY(experts.selection_bias, reader.flag({"", "use_expert_bias"}, true));
  WHET_TRY(const double scale, reader.number({"expert_weights_scale", "routed_scaling_factor"}, 1));
  experts.weight_scale = static_cast<float>(scale);
  experts.router = Router::kSigmoidThenTopNormalised;
  for (size_t i = 0; i < config.layers.size(); ++i) {
    if (static_cast<double>(i) < n_dense) continue;
    config.layers[i].experts = experts;
    config.layers[i].ffn.dim = 0;
  }
  return ok_status();
}

}  // namespace

const Architecture kLfm2{
    .name = "lfm2",
    .model_types = {"lfm2"},
    .gguf = {kGgufConvolutionNames, kernels::RopePairing::kHalfSplit},
    .hugging_face = {kLfm2Names, kernels::RopePairing::kHalfSplit},
    .read = read_lfm2,
};

const Architecture kLfm2Moe{
    .name = "lfm2moe",
    .model_types = {"lfm2_moe"},
    .gguf = {kGgufConvolutionNames, kernels::RopePairing::kHalfSplit},
    .hugging_face = {kLfm2Names, kernels::RopePairing::kHalfSplit},
    .read = read_lfm2_moe,
};

}  // namespace whet
