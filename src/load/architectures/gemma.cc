// Gemma 1 to 3: scaled embeddings, gains stored less one, GELU gates; from Gemma 2 norms on both
// sides of each half, windows and soft caps, from Gemma 3 norms of heads and two ropes.
#include <cmath>

#include "load/architectures/architectures.h"
#include "load/architectures/common.h"
#include "load/rope_reader.h"

namespace whet {
namespace {

constexpr TensorNames kSandwichNames =
    kLlamaNames.with(Slot::kAttentionPostNorm, "model.layers.{}.post_attention_layernorm.weight")
        .with(Slot::kFfnNorm, "model.layers.{}.pre_feedforward_layernorm.weight")
        .with(Slot::kFfnPostNorm, "model.layers.{}.post_feedforward_layernorm.weight");

Status read_gemma_base(ConfigReader& reader, std::string_view activation_word,
                       ModelConfig& config) {
  WHET_TRY_STATUS(read_sizes(reader, {}, config));
  WHET_TRY_STATUS(reader.expect_flag({"", "attention_bias"}, false));
  WHET_TRY_STATUS(reader.expect_flag({"", "use_bidirectional_attention"}, false));
  WHET_TRY(const Activation activation,
           read_activation(reader, activation_word, Activation::kGeluTanh));
  config.embedding_scale = std::sqrt(static_cast<float>(config.d_model));
  for (LayerForm& layer : config.layers) layer.ffn.activation = activation;
  return ok_status();
}

Result<RopeForm> rope_of(ConfigReader& reader, const ModelConfig& config, const char* layer_type,
                         double usual_theta) {
  RopeWords words;
  words.head_dim = config.layers[0].attention.head_dim;
  words.layer_type = layer_type;
  words.usual_theta = usual_theta;
  return read_rope(reader, config, words);
}

Status read_gemma(ConfigReader& reader, ModelConfig& config) {
  // The first files say GELU, and their code had the one by tanh.
  WHET_TRY(const std::string word, reader.text({"", "hidden_act"}, "gelu"));
  WHET_TRY_STATUS(reader.expect_text({"", "hidden_activation"}, "gelu_pytorch_tanh"));
  WHET_TRY_STATUS(read_gemma_base(reader, word == "gelu" ? "" : "hidden_act", config));
  WHET_TRY(RopeForm rope, rope_of(reader, config, nullptr, 10000));
  config.ropes = {std::move(rope)};
  return ok_status();
}

/// GGUF has no word for the scale of the scores: the largest model of each generation has its own.
Status read_scale(ConfigReader& reader, int64_t layers_of_27b, ModelConfig& config) {
  const AttentionBlockForm& a = config.layers[0].attention;
  const bool is_27b = config.n_layers() == layers_of_27b;
  const auto in_gguf = static_cast<double>(is_27b ? config.d_model / a.n_heads : a.head_dim);
  WHET_TRY(const double scalar,
           reader.number({"", "query_pre_attn_scalar"}, reader.is_gguf() ? in_gguf : 256));
  if (!(scalar > 0)) {
    return Error(ErrorCode::kInvalidModel,
                 "config.json: \"query_pre_attn_scalar\": expected a positive number");
  }
  if (scalar != in_gguf) reader.cannot_say("this \"query_pre_attn_scalar\"");
  for (LayerForm& layer : config.layers) {
    layer.attention.scale = 1.0f / std::sqrt(static_cast<float>(scalar));
  }
  return ok_status();
}

Status read_softcaps(ConfigReader& reader, double usual_attention, double usual_final,
                     ModelConfig& config) {
  const Word attention_word{"attn_logit_softcapping", "attn_logit_softcapping"};
  const Word final_word{"final_logit_softcapping", "final_logit_softcapping"};
  const auto usual = [&](const Word& word, double value) {
    return reader.says_null(word) ? 0.0 : value;
  };
  WHET_TRY(const double attention,
           reader.number(attention_word, usual(attention_word, usual_attention)));
  WHET_TRY(const double last, reader.number(final_word, usual(final_word, usual_final)));
  for (const double cap : {attention, last}) {
    if (cap >= 0 && cap < 1e6) continue;
    return Error(ErrorCode::kInvalidModel, "soft cap of logits: expected a positive number");
  }
  config.logit_softcap = static_cast<float>(last);
  for (LayerForm& layer : config.layers) layer.attention.softcap = static_cast<float>(attention);
  return ok_status();
}

Status read_gemma_windowed(ConfigReader& reader, const std::function<bool(int64_t)>& is_windowed,
                           ModelConfig& config) {
  WHET_TRY(const std::vector<int64_t> windows,
           read_windows(reader, config.n_layers(), is_windowed, reader.is_gguf() ? 0 : 4096));
  for (size_t i = 0; i < windows.size(); ++i) {
    config.layers[i].attention.window = windows[i];
    config.layers[i].norm_after = true;
  }
  return ok_status();
}

Status read_gemma2(ConfigReader& reader, ModelConfig& config) {
  WHET_TRY_STATUS(read_gemma_base(reader, "hidden_activation", config));
  reader.skip({"hidden_act"});
  WHET_TRY_STATUS(read_scale(reader, 46, config));
  WHET_TRY_STATUS(read_softcaps(reader, 50, 30, config));
  WHET_TRY_STATUS(read_gemma_windowed(
      reader, [](int64_t i) { return i % 2 == 0; }, config));
  WHET_TRY(RopeForm rope, rope_of(reader, config, nullptr, 10000));
  config.ropes = {std::move(rope)};
  return ok_status();
}

/// The rope of windowed layers, which no scaling stretches.
Result<RopeForm> local_rope(ConfigReader& reader, const ModelConfig& config,
                            const RopeForm& global) {
  if (!reader.is_gguf() && reader.json("rope_parameters").is_object()) {
    WHET_TRY(RopeForm rope, rope_of(reader, config, "sliding_attention", 10000));
    reader.say("rope.freq_base", {static_cast<double>(global.theta)});
    reader.say("rope.freq_base_swa", {static_cast<double>(rope.theta)});
    return rope;
  }
  WHET_TRY(const double theta,
           reader.number({"rope.freq_base_swa", "rope_local_base_freq"}, 10000));
  RopeForm rope;
  rope.n_rotated = global.n_rotated;
  rope.theta = static_cast<float>(theta);
  return rope;
}

Status read_gemma3(ConfigReader& reader, ModelConfig& config) {
  WHET_TRY_STATUS(read_gemma_base(reader, "hidden_activation", config));
  WHET_TRY_STATUS(read_scale(reader, 62, config));
  WHET_TRY_STATUS(read_softcaps(reader, 0, 0, config));
  reader.skip({"_sliding_window_pattern"});  // as transformers keeps the other word
  WHET_TRY(const int64_t period, read_window_period(reader, 6));
  WHET_TRY_STATUS(read_gemma_windowed(
      reader, [&](int64_t i) { return (i + 1) % period != 0; }, config));
  WHET_TRY(RopeForm global, rope_of(reader, config, "full_attention", 1e6));
  WHET_TRY(RopeForm local, local_rope(reader, config, global));
  config.ropes = {std::move(global), std::move(local)};
  for (LayerForm& layer : config.layers) {
    layer.attention.qk_norm = QkNorm::kPerHead;
    layer.attention.rope = layer.attention.window > 0 ? 1 : 0;
  }
  return ok_status();
}

/// The part that reads text of a Gemma 3 that sees.
Status read_gemma3_inner(ConfigReader& reader, ModelConfig& config) {
  reader.skip({"vision_config", "boi_token_index", "eoi_token_index", "image_token_index",
               "boi_token_id", "eoi_token_id", "image_token_id", "mm_tokens_per_image",
               "tie_word_embeddings"});
  WHET_TRY_STATUS(reader.descend("text_config"));
  reader.cannot_say("the eyes of this model");
  return read_gemma3(reader, config);
}

}  // namespace

const Architecture kGemma{
    .name = "gemma",
    .model_types = {"gemma"},
    .gguf = {kGgufNames, kernels::RopePairing::kHalfSplit},
    .hugging_face = {kLlamaNames, kernels::RopePairing::kHalfSplit, 1.0f},
    .read = read_gemma,
};

const Architecture kGemma2{
    .name = "gemma2",
    .model_types = {"gemma2"},
    .gguf = {kGgufNames, kernels::RopePairing::kHalfSplit},
    .hugging_face = {kSandwichNames, kernels::RopePairing::kHalfSplit, 1.0f},
    .read = read_gemma2,
};

const Architecture kGemma3{
    .name = "gemma3",
    .model_types = {"gemma3_text"},
    .gguf = {kGgufNames, kernels::RopePairing::kHalfSplit},
    .hugging_face = {kSandwichNames, kernels::RopePairing::kHalfSplit, 1.0f},
    .read = read_gemma3,
};

const Architecture kGemma3Seeing{
    .name = "gemma3",
    .model_types = {"gemma3"},
    .gguf = {kGgufNames, kernels::RopePairing::kHalfSplit},
    .hugging_face = {kSandwichNames,
                     kernels::RopePairing::kHalfSplit,
                     1.0f,
                     false,
                     "language_model.model.",
                     {"vision_tower.", "multi_modal_projector."}},
    .read = read_gemma3_inner,
};

}  // namespace whet
