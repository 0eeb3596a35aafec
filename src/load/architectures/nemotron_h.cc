// Nemotron-H: each layer is a Mamba-2, an attention without rotation, or an FFN with a squared
// ReLU.
#include "load/architectures/architectures.h"
#include "load/architectures/common.h"

namespace whet {
namespace {

constexpr TensorNames kNemotronHGguf = kGgufNames.with(Slot::kFfnNorm, "blk.{}.attn_norm.weight");
constexpr TensorNames kNemotronHNames =
    TensorNames()
        .with(Slot::kEmbedding, "model.embeddings.weight")
        .with(Slot::kOutputNorm, "model.norm_f.weight")
        .with(Slot::kHead, "lm_head.weight")
        .with(Slot::kAttentionNorm, "model.layers.{}.norm.weight")
        .with(Slot::kFfnNorm, "model.layers.{}.norm.weight")
        .with(Slot::kQ, "model.layers.{}.mixer.q_proj.weight")
        .with(Slot::kK, "model.layers.{}.mixer.k_proj.weight")
        .with(Slot::kV, "model.layers.{}.mixer.v_proj.weight")
        .with(Slot::kAttentionOutput, "model.layers.{}.mixer.o_proj.weight")
        .with(Slot::kUp, "model.layers.{}.mixer.up_proj.weight")
        .with(Slot::kDown, "model.layers.{}.mixer.down_proj.weight")
        .with(Slot::kMixerIn, "model.layers.{}.mixer.in_proj.weight")
        .with(Slot::kConvolution, "model.layers.{}.mixer.conv1d.weight")
        .with(Slot::kConvolutionBias, "model.layers.{}.mixer.conv1d.bias")
        .with(Slot::kDecay, "model.layers.{}.mixer.A_log")
        .with(Slot::kStepBias, "model.layers.{}.mixer.dt_bias")
        .with(Slot::kSkip, "model.layers.{}.mixer.D")
        .with(Slot::kMixerNorm, "model.layers.{}.mixer.norm.weight")
        .with(Slot::kMixerOutput, "model.layers.{}.mixer.out_proj.weight");

enum class NemotronHKind { kMamba2, kAttention, kFfn };

Result<std::vector<NemotronHKind>> read_kinds(ConfigReader& reader, const ModelConfig& config) {
  std::vector<NemotronHKind> kinds;
  if (reader.is_gguf()) {
    for (const LayerForm& layer : config.layers) {
      kinds.push_back(layer.attention.n_kv_heads > 0 ? NemotronHKind::kAttention
                      : layer.ffn.dim > 0            ? NemotronHKind::kFfn
                                                     : NemotronHKind::kMamba2);
    }
    return kinds;
  }
  // One letter or one word for each layer.
  std::vector<std::string> words;
  WHET_TRY(const std::string letters, reader.text({"", "hybrid_override_pattern"}, ""));
  for (const char letter : letters) words.emplace_back(1, letter);
  const nlohmann::json& types = reader.json("layers_block_type");
  if (types.is_array() && words.empty()) {
    for (const nlohmann::json& type : types) {
      words.push_back(type.is_string() ? type.get<std::string>() : type.dump());
    }
  }
  for (const std::string& word : words) {
    if (word == "M" || word == "mamba" || word == "linear_attention") {
      kinds.push_back(NemotronHKind::kMamba2);
    } else if (word == "*" || word == "attention" || word == "full_attention") {
      kinds.push_back(NemotronHKind::kAttention);
    } else if (word == "-" || word == "mlp") {
      kinds.push_back(NemotronHKind::kFfn);
    }
  }
  if (kinds.size() == config.layers.size() && kinds.size() == words.size()) return kinds;
  return Error(ErrorCode::kInvalidModel,
               "config.json: \"layers_block_type\": expected mamba, attention or mlp for each "
               "layer; whet does not run Nemotron-H with experts");
}

Status read_nemotron_h(ConfigReader& reader, ModelConfig& config) {
  Sizes sizes;
  sizes.hybrid = true;
  // The converter writes either key, as config.json has words of either kind.
  sizes.epsilon = {"attention.layer_norm_rms_epsilon", "layer_norm_epsilon"};
  if (!reader.has(sizes.epsilon)) sizes.epsilon.gguf = "attention.layer_norm_epsilon";
  reader.skip({"attention.layer_norm_epsilon", "rms_norm_eps"});
  sizes.usual_epsilon = 1e-5;
  const nlohmann::json& types = reader.json("layers_block_type");
  if (types.is_array()) sizes.n_layers = static_cast<int64_t>(types.size());
  WHET_TRY_STATUS(read_sizes(reader, sizes, config));
  WHET_TRY_STATUS(reader.expect_text({"", "mlp_hidden_act"}, "relu2"));
  WHET_TRY_STATUS(reader.expect_text({"", "mamba_hidden_act"}, "silu"));
  for (const char* bias : {"attention_bias", "mlp_bias", "use_bias"}) {
    WHET_TRY_STATUS(reader.expect_flag({"", bias}, false));
  }
  // "time_step_min" bounds steps only in transformers' prefill, not in its decoding.
  WHET_TRY_STATUS(expect_no_step_limit(reader));
  reader.skip({"expert_group_count", "expert_group_used_count"});
  reader.skip({"chunk_size", "expand", "time_step_min", "time_step_max", "time_step_floor",
               "mamba_ssm_cache_dtype", "use_mamba_kernels", "residual_in_fp32",
               "rescale_prenorm_residual", "num_logits_to_keep", "sliding_window",
               "layers_block_type", "mtp_layers_block_type", "mtp_hybrid_override_pattern",
               "rope_parameters", "rope_theta", "rope.freq_base", "rope.dimension_count"});
  // Of layers with experts, which this model has none of.
  reader.skip({"n_routed_experts", "n_shared_experts", "moe_intermediate_size",
               "moe_shared_expert_intermediate_size", "moe_shared_expert_overlap",
               "moe_latent_size", "num_experts_per_tok", "routed_scaling_factor", "n_group",
               "topk_group", "norm_topk_prob", "num_nextn_predict_layers"});
  WHET_TRY(const RecurrentForm mamba, read_mamba2(reader,
                                                  {.n_heads = "mamba_num_heads",
                                                   .head_dim = "mamba_head_dim",
                                                   .n_groups = "n_groups",
                                                   .state = "ssm_state_size",
                                                   .width = "conv_kernel",
                                                   .convolution_bias = "use_conv_bias",
                                                   .projection_bias = "mamba_proj_bias"},
                                                  "blk.0.ssm_conv1d.bias", "blk.0.ssm_in.bias"));
  WHET_TRY(const std::vector<NemotronHKind> kinds, read_kinds(reader, config));
  for (size_t i = 0; i < kinds.size(); ++i) {
    LayerForm& layer = config.layers[i];
    layer.mixer = kinds[i] == NemotronHKind::kMamba2      ? Mixer::kMamba2
                  : kinds[i] == NemotronHKind::kAttention ? Mixer::kAttention
                                                          : Mixer::kNone;
    layer.attention.rope = AttentionBlockForm::kNoRope;
    layer.recurrent = mamba;
    layer.ffn.activation = Activation::kSquaredRelu;
    layer.ffn.gated = false;
    if (kinds[i] != NemotronHKind::kFfn) layer.ffn.dim = 0;
  }
  reader.cannot_say("the layers of Nemotron-H");
  return ok_status();
}

}  // namespace

const Architecture kNemotronH{
    .name = "nemotron_h",
    .model_types = {"nemotron_h"},
    .gguf = {kNemotronHGguf, kernels::RopePairing::kHalfSplit},
    .hugging_face = {kNemotronHNames, kernels::RopePairing::kHalfSplit, 0, true, "backbone."},
    .other_names = {{"layers_block_type", "layer_types"},
                    {"n_routed_experts", "num_local_experts"}},
    .read = read_nemotron_h,
};

}  // namespace whet
