// Falcon-H1: attention and Mamba-2 side by side in every layer, and a factor at each end of them,
// of the FFN, the embedding and the head. GGUF's converter folds the factors into the weights.
#include "base/invalid_model.h"
#include "formats/untrusted_text.h"
#include "load/architectures/architectures.h"
#include "load/architectures/common.h"
#include "load/rope_reader.h"

namespace whet {
namespace {

// The converter gives this one norm no suffix.
constexpr TensorNames kFalconH1Gguf = kGgufNames.with(Slot::kFfnNorm, "blk.{}.ffn_norm");

constexpr TensorNames kFalconH1Names =
    kLlamaNames.with(Slot::kOutputNorm, "model.final_layernorm.weight")
        .with(Slot::kFfnNorm, "model.layers.{}.pre_ff_layernorm.weight")
        .with(Slot::kGate, "model.layers.{}.feed_forward.gate_proj.weight")
        .with(Slot::kUp, "model.layers.{}.feed_forward.up_proj.weight")
        .with(Slot::kDown, "model.layers.{}.feed_forward.down_proj.weight")
        .with(Slot::kMixerIn, "model.layers.{}.mamba.in_proj.weight")
        .with(Slot::kConvolution, "model.layers.{}.mamba.conv1d.weight")
        .with(Slot::kConvolutionBias, "model.layers.{}.mamba.conv1d.bias")
        .with(Slot::kDecay, "model.layers.{}.mamba.A_log")
        .with(Slot::kStepBias, "model.layers.{}.mamba.dt_bias")
        .with(Slot::kSkip, "model.layers.{}.mamba.D")
        .with(Slot::kMixerNorm, "model.layers.{}.mamba.norm.weight")
        .with(Slot::kMixerOutput, "model.layers.{}.mamba.out_proj.weight");

constexpr double kMostFactor = 1e6;

Result<float> read_factor(ConfigReader& reader, std::string_view word) {
  WHET_TRY(const double factor, reader.number({"", word}, 1));
  if (factor > 0 && factor < kMostFactor) return static_cast<float>(factor);
  return invalid_model("config.json: \"{}\": expected above 0 and below {}, found {}", word,
                       kMostFactor, factor);
}

/// A list of n factors; all 1 where config.json has none.
Result<std::vector<float>> read_factors_of(ConfigReader& reader, const char* word, size_t n) {
  const nlohmann::json& list = reader.json(word);
  if (list.is_null()) return std::vector<float>(n, 1.0f);
  std::vector<float> factors;
  for (const nlohmann::json& value : list) {
    if (value.is_number() && value > 0 && value < kMostFactor) {
      factors.push_back(value.get<float>());
    }
  }
  if (list.is_array() && list.size() == n && factors.size() == n) return factors;
  return invalid_model("config.json: \"{}\": expected {} positive numbers, found {}", word, n,
                       quote_untrusted(list.dump()));
}

/// The factors of config.json. Queries and keys are linear in theirs, so that those go into the
/// scale of the scores, and that of the values into what attention adds.
Status read_falcon_h1_factors(ConfigReader& reader, RecurrentForm& mamba, ModelConfig& config) {
  WHET_TRY(config.embedding_scale, read_factor(reader, "embedding_multiplier"));
  WHET_TRY(config.logit_scale, read_factor(reader, "lm_head_multiplier"));
  WHET_TRY(const float key, read_factor(reader, "key_multiplier"));
  WHET_TRY(const float attention_in, read_factor(reader, "attention_in_multiplier"));
  WHET_TRY(const float attention_out, read_factor(reader, "attention_out_multiplier"));
  WHET_TRY(const float mamba_in, read_factor(reader, "ssm_in_multiplier"));
  WHET_TRY(mamba.output_factor, read_factor(reader, "ssm_out_multiplier"));
  WHET_TRY(mamba.input_factors, read_factors_of(reader, "ssm_multipliers", 5));
  for (float& factor : mamba.input_factors) factor *= mamba_in;
  WHET_TRY(const std::vector<float> ffn, read_factors_of(reader, "mlp_multipliers", 2));
  for (LayerForm& layer : config.layers) {
    layer.attention.scale *= key * attention_in * attention_in;
    layer.attention.output_factor = attention_in * attention_out;
    layer.ffn.gate_factor = ffn[0];
    layer.ffn.output_factor = ffn[1];
  }
  reader.cannot_say("the factors of Falcon-H1, which its converter folds into the weights");
  return ok_status();
}

/// What config.json says otherwise than GGUF.
Status read_falcon_h1_json(ConfigReader& reader, RecurrentForm& mamba, ModelConfig& config) {
  // A bias would have to know which factors come before it.
  for (const char* bias : {"attention_bias", "mlp_bias", "mamba_proj_bias", "projectors_bias"}) {
    WHET_TRY_STATUS(reader.expect_flag({"", bias}, false));
  }
  WHET_TRY_STATUS(reader.expect_text({"", "hidden_act"}, "silu"));
  WHET_TRY_STATUS(reader.expect_flag({"", "mamba_use_mlp"}, true));
  WHET_TRY_STATUS(expect_no_step_limit(reader));
  WHET_TRY(mamba.norm, reader.flag({"", "mamba_rms_norm"}, false));
  WHET_TRY(const bool norm_first, reader.flag({"", "mamba_norm_before_gate"}, true));
  if (mamba.norm && norm_first) {
    return invalid_model(
        "config.json: \"mamba_norm_before_gate\": expected false beside \"mamba_rms_norm\": true, "
        "found true");
  }
  const Word width{"", "mamba_d_ssm"};
  WHET_TRY(const int64_t inner, reader.count(width, kMaxWidth, mamba.inner_dim()));
  if (inner != mamba.inner_dim()) {
    return invalid_model("config.json: \"mamba_d_ssm\": expected {} heads of {}, found {}",
                         mamba.n_heads, mamba.value_dim, inner);
  }
  reader.skip({"mamba_chunk_size", "mlp_expansion_factor", "num_logits_to_keep", "time_step_min",
               "time_step_max", "time_step_floor", "layers_block_type", "layer_types",
               "attn_layer_indices"});
  return read_falcon_h1_factors(reader, mamba, config);
}

Status read_falcon_h1(ConfigReader& reader, ModelConfig& config) {
  Sizes sizes;
  sizes.usual_epsilon = 1e-5;
  WHET_TRY_STATUS(read_sizes(reader, sizes, config));
  Mamba2Words mamba_words;
  if (!reader.is_gguf()) {
    const Word width{"", "mamba_d_ssm"};
    WHET_TRY(const int64_t expanded, expanded_width(reader, config));
    WHET_TRY(mamba_words.inner_dim,
             reader.count(width, kMaxWidth, reader.says_null(width) ? expanded : 1024));
  }
  WHET_TRY(RecurrentForm mamba,
           read_mamba2(reader, mamba_words, "blk.0.ssm_conv1d.bias", "blk.0.ssm_in.bias"));
  if (reader.is_gguf()) {
    mamba.norm = reader.file().find_tensor("blk.0.ssm_norm.weight") != nullptr;
  } else {
    WHET_TRY_STATUS(read_falcon_h1_json(reader, mamba, config));
  }
  RopeWords words;
  words.head_dim = config.layers[0].attention.head_dim;
  WHET_TRY(RopeForm rope, read_rope(reader, config, words));
  config.ropes = {std::move(rope)};
  for (LayerForm& layer : config.layers) {
    layer.mixer = Mixer::kAttentionAndMamba2;
    layer.recurrent = mamba;
  }
  return ok_status();
}

}  // namespace

const Architecture kFalconH1{
    .name = "falcon-h1",
    .model_types = {"falcon_h1"},
    .gguf = {kFalconH1Gguf, kernels::RopePairing::kHalfSplit},
    .hugging_face = {.names = kFalconH1Names,
                     .pairing = kernels::RopePairing::kHalfSplit,
                     .logarithmic_decay = true},
    .read = read_falcon_h1,
};

}  // namespace whet
