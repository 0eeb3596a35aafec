// Qwen3.5: gated delta nets in three of four layers, attention with gated outputs and heads rotated
// in part in the others; Qwen3.5-MoE with experts. Of what can see, the part that reads text.
#include "load/architectures/architectures.h"
#include "load/architectures/common.h"
#include "load/rope_reader.h"

namespace whet {
namespace {

constexpr TensorNames kGgufDeltaNames =
    kGgufNames.with(Slot::kQkv, "")
        .with(Slot::kMixerIn, "blk.{}.attn_qkv.weight")
        .with(Slot::kMixerGate, "blk.{}.attn_gate.weight")
        .with(Slot::kMixerRate, "blk.{}.ssm_beta.weight")
        .with(Slot::kMixerDecay, "blk.{}.ssm_alpha.weight")
        .with(Slot::kFfnNorm, "blk.{}.post_attention_norm.weight");
constexpr TensorNames kQwen35GgufExpertNames =
    kGgufDeltaNames.with(Slot::kGate, "blk.{}.ffn_gate_shexp.weight")
        .with(Slot::kUp, "blk.{}.ffn_up_shexp.weight")
        .with(Slot::kDown, "blk.{}.ffn_down_shexp.weight");
constexpr TensorNames kQwen35Names =
    kLlamaNames.with(Slot::kMixerIn, "model.layers.{}.linear_attn.in_proj_qkv.weight")
        .with(Slot::kMixerGate, "model.layers.{}.linear_attn.in_proj_z.weight")
        .with(Slot::kMixerRate, "model.layers.{}.linear_attn.in_proj_b.weight")
        .with(Slot::kMixerDecay, "model.layers.{}.linear_attn.in_proj_a.weight")
        .with(Slot::kConvolution, "model.layers.{}.linear_attn.conv1d.weight")
        .with(Slot::kDecay, "model.layers.{}.linear_attn.A_log")
        .with(Slot::kStepBias, "model.layers.{}.linear_attn.dt_bias")
        .with(Slot::kMixerNorm, "model.layers.{}.linear_attn.norm.weight")
        .with(Slot::kMixerOutput, "model.layers.{}.linear_attn.out_proj.weight");
constexpr TensorNames kQwen35ExpertNames =
    kQwen35Names.with(Slot::kRouter, "model.layers.{}.mlp.gate.weight")
        .with(Slot::kExpertGateUp, "model.layers.{}.mlp.experts.gate_up_proj")
        .with(Slot::kExpertGate, "model.layers.{}.mlp.experts.{}.gate_proj.weight")
        .with(Slot::kExpertUp, "model.layers.{}.mlp.experts.{}.up_proj.weight")
        .with(Slot::kExpertDown, "model.layers.{}.mlp.experts.{}.down_proj.weight")
        .with(Slot::kGate, "model.layers.{}.mlp.shared_expert.gate_proj.weight")
        .with(Slot::kUp, "model.layers.{}.mlp.shared_expert.up_proj.weight")
        .with(Slot::kDown, "model.layers.{}.mlp.shared_expert.down_proj.weight")
        .with(Slot::kSharedGate, "model.layers.{}.mlp.shared_expert_gate.weight");

Status read_delta_net(ConfigReader& reader, ModelConfig& config) {
  RecurrentForm form;
  WHET_TRY(form.n_heads,
           reader.count({"ssm.time_step_rank", "linear_num_value_heads"}, kMaxHeads, 32));
  WHET_TRY(form.n_key_heads,
           reader.count({"ssm.group_count", "linear_num_key_heads"}, kMaxHeads, 16));
  WHET_TRY(form.key_dim, reader.count({"ssm.state_size", "linear_key_head_dim"}, kMaxWidth, 128));
  WHET_TRY(form.width, reader.count({"ssm.conv_kernel", "linear_conv_kernel_dim"}, 8, 4));
  if (reader.is_gguf()) {
    WHET_TRY(const int64_t inner, reader.count({"ssm.inner_size", ""}, kMaxWidth));
    form.value_dim = inner / form.n_heads;
  } else {
    WHET_TRY(form.value_dim, reader.count({"", "linear_value_head_dim"}, kMaxWidth, 128));
  }
  form.tiled = reader.is_gguf();  // the converter puts the heads so
  form.channels = 2 * form.keys_dim() + form.inner_dim();
  for (LayerForm& layer : config.layers) layer.recurrent = form;
  return ok_status();
}

/// Which layers attend.
Result<std::vector<bool>> read_qwen35_layers(ConfigReader& reader, const ModelConfig& config) {
  WHET_TRY(const int64_t interval,
           reader.count({"full_attention_interval", "full_attention_interval"}, kMaxLayers, 4));
  std::vector<bool> attending;
  for (int64_t i = 0; i < config.n_layers(); ++i) attending.push_back((i + 1) % interval == 0);
  if (!reader.is_gguf() && reader.json("layer_types").is_array()) {
    return read_attending_layers(reader, config, {"full_attention"}, "linear_attention");
  }
  WHET_TRY(const std::vector<bool> recurrent,
           reader.flags("attention.recurrent_layers", config.n_layers() + config.n_unused_layers));
  for (size_t i = 0; i < attending.size() && !recurrent.empty(); ++i) attending[i] = !recurrent[i];
  return attending;
}

Status read_qwen35_base(ConfigReader& reader, bool dense, ModelConfig& config) {
  Sizes sizes;
  sizes.dense = dense;
  WHET_TRY(const double n_heads, reader.number({"nextn_predict_layers", ""}, 0));
  sizes.n_unused_layers = static_cast<int64_t>(n_heads);
  if (!dense) sizes.ffn = {"expert_shared_feed_forward_length", "shared_expert_intermediate_size"};
  WHET_TRY_STATUS(read_sizes(reader, sizes, config));
  // It is the convolution's too, which knows no other.
  WHET_TRY_STATUS(reader.expect_text({"", "hidden_act"}, "silu"));
  WHET_TRY_STATUS(reader.expect_flag({"", "attention_bias"}, false));
  reader.skip({"mtp_num_hidden_layers", "mtp_use_dedicated_embeddings", "attn_output_gate",
               "mamba_ssm_dtype", "mlp_only_layers", "rope.dimension_sections"});
  WHET_TRY_STATUS(read_delta_net(reader, config));
  WHET_TRY(const std::vector<bool> attending, read_qwen35_layers(reader, config));
  RopeWords words;
  words.head_dim = config.layers[0].attention.head_dim;
  words.rotary_factor = 0.25;
  words.sections = true;
  WHET_TRY(RopeForm rope, read_rope(reader, config, words));
  config.ropes = {std::move(rope)};
  for (size_t i = 0; i < attending.size(); ++i) {
    LayerForm& layer = config.layers[i];
    layer.mixer = attending[i] ? Mixer::kAttention : Mixer::kDeltaNet;
    layer.attention.qk_norm = QkNorm::kPerHead;
    layer.attention.output_gate = true;
  }
  reader.cannot_say("the layers of Qwen3.5 in the order of its converter");
  return ok_status();
}

Status read_qwen35(ConfigReader& reader, ModelConfig& config) {
  return read_qwen35_base(reader, true, config);
}

Status read_qwen35_moe(ConfigReader& reader, ModelConfig& config) {
  WHET_TRY_STATUS(read_qwen35_base(reader, false, config));
  reader.skip({"feed_forward_length", "intermediate_size"});  // of no layer
  WHET_TRY(ExpertsForm experts, read_experts(reader, {}));
  experts.shared_gate = true;
  for (LayerForm& layer : config.layers) {
    experts.expert.activation = layer.ffn.activation;
    layer.experts = experts;
  }
  return ok_status();
}

/// The part that reads text of a model that sees.
template <Status (*read_text)(ConfigReader&, ModelConfig&)>
Status read_qwen35_inner(ConfigReader& reader, ModelConfig& config) {
  reader.skip({"vision_config", "image_token_id", "video_token_id", "vision_start_token_id",
               "vision_end_token_id", "tie_word_embeddings"});
  WHET_TRY_STATUS(reader.descend("text_config"));
  return read_text(reader, config);
}

const Dialect kQwen35Gguf{kGgufDeltaNames, kernels::RopePairing::kHalfSplit};
const Dialect kGgufMoe{kQwen35GgufExpertNames, kernels::RopePairing::kHalfSplit};

Dialect hugging_face(const TensorNames& names, std::string_view root) {
  return {names, kernels::RopePairing::kHalfSplit, 1.0f, true, root, {"mtp.", "model.visual."}};
}

}  // namespace

const Architecture kQwen35{
    .name = "qwen35",
    .model_types = {"qwen3_5_text"},
    .gguf = kQwen35Gguf,
    .hugging_face = hugging_face(kQwen35Names, ""),
    .read = read_qwen35,
};

const Architecture kQwen35Seeing{
    .name = "qwen35",
    .model_types = {"qwen3_5"},
    .gguf = kQwen35Gguf,
    .hugging_face = hugging_face(kQwen35Names, "model.language_model."),
    .read = read_qwen35_inner<read_qwen35>,
};

const Architecture kQwen35Moe{
    .name = "qwen35moe",
    .model_types = {"qwen3_5_moe_text"},
    .gguf = kGgufMoe,
    .hugging_face = hugging_face(kQwen35ExpertNames, ""),
    .read = read_qwen35_moe,
};

const Architecture kQwen35MoeSeeing{
    .name = "qwen35moe",
    .model_types = {"qwen3_5_moe"},
    .gguf = kGgufMoe,
    .hugging_face = hugging_face(kQwen35ExpertNames, "model.language_model."),
    .read = read_qwen35_inner<read_qwen35_moe>,
};

}  // namespace whet
