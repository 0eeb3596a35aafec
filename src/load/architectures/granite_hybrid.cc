// Granite 4 with state layers: Mamba-2 in most layers, attention without rotation in the others,
// the four factors of Granite, an FFN for all tokens beside experts or alone.
#include "load/architectures/architectures.h"
#include "load/architectures/common.h"
#include "load/rope_reader.h"

namespace whet {
namespace {

constexpr TensorNames kGraniteHybridNames =
    kLlamaNames.with(Slot::kMixerIn, "model.layers.{}.mamba.in_proj.weight")
        .with(Slot::kConvolution, "model.layers.{}.mamba.conv1d.weight")
        .with(Slot::kConvolutionBias, "model.layers.{}.mamba.conv1d.bias")
        .with(Slot::kDecay, "model.layers.{}.mamba.A_log")
        .with(Slot::kStepBias, "model.layers.{}.mamba.dt_bias")
        .with(Slot::kSkip, "model.layers.{}.mamba.D")
        .with(Slot::kMixerNorm, "model.layers.{}.mamba.norm.weight")
        .with(Slot::kMixerOutput, "model.layers.{}.mamba.out_proj.weight")
        .with(Slot::kGateUp, "model.layers.{}.shared_mlp.input_linear.weight")
        .with(Slot::kDown, "model.layers.{}.shared_mlp.output_linear.weight")
        .with(Slot::kRouter, "model.layers.{}.block_sparse_moe.router.layer.weight")
        .with(Slot::kExpertGateUp, "model.layers.{}.block_sparse_moe.input_linear.weight")
        .with(Slot::kExpertDown, "model.layers.{}.block_sparse_moe.output_linear.weight");

Status read_factors(ConfigReader& reader, ModelConfig& config) {
  WHET_TRY(const double embedding, reader.number({"embedding_scale", "embedding_multiplier"}, 1));
  WHET_TRY(const double residual, reader.number({"residual_scale", "residual_multiplier"}, 1));
  WHET_TRY(const double logits, reader.number({"logit_scale", "logits_scaling"}, 1));
  WHET_TRY(const double attention, reader.number({"attention.scale", "attention_multiplier"}, 1));
  config.embedding_scale = static_cast<float>(embedding);
  config.residual_scale = static_cast<float>(residual);
  config.logit_scale = static_cast<float>(1 / logits);
  for (LayerForm& layer : config.layers) layer.attention.scale = static_cast<float>(attention);
  return ok_status();
}

/// Rotation only where "position_embedding_type" asks for it; in GGUF where it has a base.
Status read_rotation(ConfigReader& reader, ModelConfig& config) {
  WHET_TRY(const std::string positions, reader.text({"", "position_embedding_type"}, "nope"));
  reader.skip(
      {"rope_parameters", "rope_theta", "rope_scaling", "rope.freq_base", "rope.dimension_count"});
  if (positions == "rope") {
    return Error(ErrorCode::kInvalidModel,
                 "config.json: \"position_embedding_type\": expected nope, found rope");
  }
  for (LayerForm& layer : config.layers) layer.attention.rope = AttentionBlockForm::kNoRope;
  return ok_status();
}

Status read_granite_hybrid(ConfigReader& reader, ModelConfig& config) {
  Sizes sizes;
  sizes.dense = false;
  sizes.hybrid = true;
  WHET_TRY_STATUS(read_sizes(reader, sizes, config));
  // It is the convolution's too, which knows no other.
  WHET_TRY_STATUS(reader.expect_text({"", "hidden_act"}, "silu"));
  WHET_TRY_STATUS(reader.expect_flag({"", "attention_bias"}, false));
  WHET_TRY_STATUS(reader.expect_flag({"", "mlp_bias"}, false));
  reader.skip({"mamba_chunk_size", "normalization_function", "init_method", "time_step_min",
               "time_step_max", "time_step_floor"});
  WHET_TRY_STATUS(expect_no_step_limit(reader));
  WHET_TRY(
      const std::vector<bool> attending,
      read_attending_layers(reader, config, {"attention", "full_attention"},
                            reader.json("layer_types").dump().find("mamba") == std::string::npos
                                ? "linear_attention"
                                : "mamba"));
  Mamba2Words mamba_words;
  if (!reader.is_gguf()) {
    WHET_TRY(mamba_words.inner_dim, expanded_width(reader, config));
  }
  WHET_TRY(const RecurrentForm mamba,
           read_mamba2(reader, mamba_words, "blk.0.ssm_conv1d.bias", "blk.0.ssm_in.bias"));
  WHET_TRY_STATUS(read_factors(reader, config));
  WHET_TRY_STATUS(read_rotation(reader, config));
  const Word count{"expert_count", "num_local_experts"};
  WHET_TRY(const double n_experts, reader.number(count, 0));
  ExpertsForm experts;
  if (n_experts > 0) {
    WHET_TRY(experts, read_experts(reader, {count, {"feed_forward_length", "intermediate_size"}}));
  } else {
    reader.skip({"expert_used_count", "num_experts_per_tok"});
  }
  const Word shared{"expert_shared_feed_forward_length", "shared_intermediate_size"};
  WHET_TRY(const int64_t shared_width, reader.count(shared, kMaxWidth, config.layers[0].ffn.dim));
  for (size_t i = 0; i < attending.size(); ++i) {
    LayerForm& layer = config.layers[i];
    layer.mixer = attending[i] ? Mixer::kAttention : Mixer::kMamba2;
    layer.recurrent = mamba;
    layer.experts = experts;
    layer.ffn.dim = shared_width;
  }
  reader.cannot_say("the layers of Granite 4");
  return ok_status();
}

}  // namespace

const Architecture kGraniteHybrid{
    .name = "granitehybrid",
    .model_types = {"granitemoehybrid"},
    .gguf = {kGgufNames, kernels::RopePairing::kHalfSplit},
    .hugging_face = {kGraniteHybridNames, kernels::RopePairing::kHalfSplit, 0, true},
    .other_names = {{"layer_types", "layers_block_type"}},
    .read = read_granite_hybrid,
};

}  // namespace whet
