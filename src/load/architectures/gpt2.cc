// Before rotation: GPT-2 with an embedding for each position, BLOOM and MPT with ALiBi.
#include <fmt/format.h>

#include <cmath>

#include "base/invalid_model.h"
#include "formats/untrusted_text.h"
#include "load/architectures/architectures.h"
#include "load/architectures/common.h"

namespace whet {
namespace {

constexpr TensorNames kGpt2Gguf = kGgufNames.with(Slot::kPositions, "position_embd.weight")
                                      .with(Slot::kEmbeddingNorm, "token_embd_norm.weight");

constexpr TensorNames kGpt2Names =
    TensorNames()
        .with(Slot::kEmbedding, "transformer.wte.weight")
        .with(Slot::kPositions, "transformer.wpe.weight")
        .with(Slot::kOutputNorm, "transformer.ln_f.weight")
        .with(Slot::kHead, "lm_head.weight")
        .with(Slot::kAttentionNorm, "transformer.h.{}.ln_1.weight")
        .with(Slot::kQkv, "transformer.h.{}.attn.c_attn.weight")
        .with(Slot::kAttentionOutput, "transformer.h.{}.attn.c_proj.weight")
        .with(Slot::kFfnNorm, "transformer.h.{}.ln_2.weight")
        .with(Slot::kUp, "transformer.h.{}.mlp.c_fc.weight")
        .with(Slot::kDown, "transformer.h.{}.mlp.c_proj.weight");

constexpr TensorNames kBloomNames =
    TensorNames()
        .with(Slot::kEmbedding, "transformer.word_embeddings.weight")
        .with(Slot::kEmbeddingNorm, "transformer.word_embeddings_layernorm.weight")
        .with(Slot::kOutputNorm, "transformer.ln_f.weight")
        .with(Slot::kHead, "lm_head.weight")
        .with(Slot::kAttentionNorm, "transformer.h.{}.input_layernorm.weight")
        .with(Slot::kQkv, "transformer.h.{}.self_attention.query_key_value.weight")
        .with(Slot::kAttentionOutput, "transformer.h.{}.self_attention.dense.weight")
        .with(Slot::kFfnNorm, "transformer.h.{}.post_attention_layernorm.weight")
        .with(Slot::kUp, "transformer.h.{}.mlp.dense_h_to_4h.weight")
        .with(Slot::kDown, "transformer.h.{}.mlp.dense_4h_to_h.weight");

constexpr TensorNames kMptNames =
    TensorNames()
        .with(Slot::kEmbedding, "transformer.wte.weight")
        .with(Slot::kOutputNorm, "transformer.norm_f.weight")
        .with(Slot::kHead, "lm_head.weight")
        .with(Slot::kAttentionNorm, "transformer.blocks.{}.norm_1.weight")
        .with(Slot::kQkv, "transformer.blocks.{}.attn.Wqkv.weight")
        .with(Slot::kAttentionOutput, "transformer.blocks.{}.attn.out_proj.weight")
        .with(Slot::kFfnNorm, "transformer.blocks.{}.norm_2.weight")
        .with(Slot::kUp, "transformer.blocks.{}.ffn.up_proj.weight")
        .with(Slot::kDown, "transformer.blocks.{}.ffn.down_proj.weight");

/// What the three have in common. config.json's FFN is 4 D wide where `ffn` does not say otherwise.
Status read_gpt2_base(ConfigReader& reader, Sizes sizes, bool bias, ModelConfig& config) {
  sizes.norm = NormKind::kLayer;
  sizes.epsilon = {"attention.layer_norm_epsilon", "layer_norm_epsilon"};
  sizes.usual_epsilon = 1e-5;
  sizes.ffn_widths = 4;
  WHET_TRY_STATUS(read_sizes(reader, sizes, config));
  config.norm.bias = bias;
  for (LayerForm& layer : config.layers) {
    layer.attention.qkv_bias = layer.attention.output_bias = bias;
    layer.attention.rope = AttentionBlockForm::kNoRope;
    layer.ffn = {
        .dim = layer.ffn.dim, .activation = Activation::kGeluTanh, .gated = false, .bias = bias};
  }
  return ok_status();
}

Status read_gpt2(ConfigReader& reader, ModelConfig& config) {
  Sizes sizes;
  sizes.layers = "n_layer";
  sizes.width = "n_embd";
  sizes.context = "n_positions";
  sizes.heads = "n_head";
  sizes.ffn.hugging_face = "n_inner";
  WHET_TRY_STATUS(read_gpt2_base(reader, sizes, true, config));
  config.n_positions = config.context_length;
  WHET_TRY(const Activation activation,
           read_activation(reader, "activation_function", Activation::kGeluTanh));
  WHET_TRY(const bool scaled, reader.flag({"", "scale_attn_weights"}, true));
  WHET_TRY(const bool by_layer, reader.flag({"", "scale_attn_by_inverse_layer_idx"}, false));
  WHET_TRY_STATUS(reader.expect_flag({"", "add_cross_attention"}, false));
  if (!scaled || by_layer) reader.cannot_say("the scales of GPT-2's scores");
  // "n_ctx" is the old name of "n_positions"; summaries are of another head, special tokens of the
  // tokenizer.
  reader.skip({"n_ctx", "n_special", "predict_special_tokens", "summary_type", "summary_use_proj",
               "summary_activation", "summary_proj_to_labels", "summary_first_dropout"});
  for (size_t i = 0; i < config.layers.size(); ++i) {
    LayerForm& layer = config.layers[i];
    layer.ffn.activation = activation;
    if (!scaled) layer.attention.scale = 1;
    if (by_layer) layer.attention.scale /= static_cast<float>(i + 1);
  }
  return ok_status();
}

Status read_bloom(ConfigReader& reader, ModelConfig& config) {
  Sizes sizes;
  sizes.layers = "n_layer";
  sizes.context = "seq_length";
  sizes.heads = "n_head";
  sizes.ffn.hugging_face = {};
  WHET_TRY_STATUS(read_gpt2_base(reader, sizes, true, config));
  WHET_TRY_STATUS(reader.expect_flag({"", "apply_residual_connection_post_layernorm"}, false));
  // Of Megatron's training; transformers reads none of them.
  reader.skip({"attention_softmax_in_fp32", "bias_dropout_fusion", "masked_softmax_fusion",
               "offset_alibi", "skip_bias_add", "skip_bias_add_qkv", "slow_but_exact"});
  config.embedding_norm = true;
  for (LayerForm& layer : config.layers) layer.attention.alibi = true;
  return ok_status();
}

/// "attn_config" of config.json; refuses what transformers' MPT has no arithmetic for.
Status read_mpt_attention(ConfigReader& reader, ModelConfig& config) {
  static const nlohmann::json kNothing = nlohmann::json::object();
  const nlohmann::json& said = reader.json("attn_config");
  const nlohmann::json& words = said.is_null() ? kNothing : said;
  const auto refuse = [](const std::string& word, std::string_view expected,
                         const nlohmann::json& found) {
    return invalid_model("config.json: \"attn_config\": \"{}\": expected {}, found {}", word,
                         expected, quote_untrusted(found.dump()));
  };
  if (!words.is_object()) {
    return invalid_model("config.json: \"attn_config\": expected an object, found {}",
                         quote_untrusted(words.dump()));
  }
  const nlohmann::json fixed = {{"alibi", true},
                                {"alibi_bias_max", 8},
                                {"attn_type", "multihead_attention"},
                                {"attn_uses_sequence_id", false},
                                {"prefix_lm", false},
                                {"qk_ln", false}};
  for (const auto& [word, value] : words.items()) {
    const auto only = fixed.find(word);
    if (only != fixed.end()) {
      if (!value.is_null() && value != *only) return refuse(word, only->dump(), value);
      continue;
    }
    if (word == "attn_impl" || ConfigReader::changes_nothing(word, value)) continue;
    if (word != "clip_qkv" && word != "softmax_scale") {
      return refuse(word, "no such word, which whet does not know", value);
    }
    if (!value.is_number() || !(value.get<double>() > 0) || !(value.get<double>() < 1e30)) {
      return refuse(word, "a positive number", value);
    }
    const auto number = static_cast<float>(value.get<double>());
    if (word == "clip_qkv") reader.say("attention.clamp_kqv", {value.get<double>()});
    if (word == "softmax_scale") reader.cannot_say("MPT's \"softmax_scale\"");
    for (LayerForm& layer : config.layers) {
      (word == "clip_qkv" ? layer.attention.clamp : layer.attention.scale) = number;
    }
  }
  return ok_status();
}

/// GGUF's keys for the same.
Status read_mpt_keys(ConfigReader& reader, ModelConfig& config) {
  const Word slope{"attention.max_alibi_bias", ""};
  WHET_TRY(const double largest, reader.number(slope, 8));
  if (largest != 8) {
    return invalid_model("{}: expected 8, found {}", reader.name(slope), largest);
  }
  const Word clamp{"attention.clamp_kqv", ""};
  WHET_TRY(const double most, reader.number(clamp, 0));
  if (!(most >= 0)) {
    return invalid_model("{}: expected a positive number, found {}", reader.name(clamp), most);
  }
  for (LayerForm& layer : config.layers) layer.attention.clamp = static_cast<float>(most);
  return ok_status();
}

Status read_mpt(ConfigReader& reader, ModelConfig& config) {
  Sizes sizes;
  sizes.layers = "n_layers";
  sizes.width = "d_model";
  sizes.context = "max_seq_len";
  sizes.heads = "n_heads";
  sizes.ffn.hugging_face = {};
  const bool bias = reader.is_gguf() && reader.file().find_tensor("output_norm.bias") != nullptr;
  WHET_TRY_STATUS(read_gpt2_base(reader, sizes, bias, config));
  for (LayerForm& layer : config.layers) {
    layer.attention.alibi = true;
    layer.ffn.activation = Activation::kGelu;
  }
  if (reader.is_gguf()) return read_mpt_keys(reader, config);
  WHET_TRY_STATUS(read_mpt_attention(reader, config));
  WHET_TRY_STATUS(reader.expect_flag({"", "no_bias"}, true));
  WHET_TRY(const double widths, reader.number({"", "expansion_ratio"}, 4));
  if (widths != 4) {
    return invalid_model("config.json: \"expansion_ratio\": expected 4, found {}", widths);
  }
  WHET_TRY(const std::string norm, reader.text({"", "norm_type"}, "layernorm"));
  if (norm != "layernorm" && norm != "low_precision_layernorm") {
    return invalid_model(
        "config.json: \"norm_type\": expected layernorm or low_precision_layernorm, found {}",
        quote_untrusted(norm));
  }
  // Positions that are learned give way to ALiBi; the others are of training.
  reader.skip({"learned_pos_emb", "embedding_fraction", "init_config", "init_device", "verbose"});
  reader.say("attention.max_alibi_bias", {8.0});
  return ok_status();
}

}  // namespace

const Architecture kGpt2{
    .name = "gpt2",
    .model_types = {"gpt2"},
    .gguf = {kGpt2Gguf, kernels::RopePairing::kHalfSplit},
    .hugging_face = {.names = kGpt2Names,
                     .pairing = kernels::RopePairing::kHalfSplit,
                     .layouts = {{Slot::kQkv, WeightLayout::kTransposed},
                                 {Slot::kAttentionOutput, WeightLayout::kTransposed},
                                 {Slot::kUp, WeightLayout::kTransposed},
                                 {Slot::kDown, WeightLayout::kTransposed}}},
    .other_names = {{"n_embd", "hidden_size"},
                    {"n_positions", "max_position_embeddings"},
                    {"n_head", "num_attention_heads"},
                    {"n_layer", "num_hidden_layers"}},
    .read = read_gpt2,
};

const Architecture kBloom{
    .name = "bloom",
    .model_types = {"bloom"},
    .gguf = {kGpt2Gguf, kernels::RopePairing::kHalfSplit},
    .hugging_face = {.names = kBloomNames,
                     .pairing = kernels::RopePairing::kHalfSplit,
                     .layouts = {{Slot::kQkv, WeightLayout::kHeadByHead}}},
    .other_names = {{"hidden_size", "n_embed"},
                    {"n_head", "num_attention_heads"},
                    {"n_layer", "num_hidden_layers"}},
    .read = read_bloom,
};

const Architecture kMpt{
    .name = "mpt",
    .model_types = {"mpt"},
    .gguf = {kGpt2Gguf, kernels::RopePairing::kHalfSplit},
    .hugging_face = {kMptNames, kernels::RopePairing::kHalfSplit},
    .other_names = {{"d_model", "hidden_size"},
                    {"n_heads", "num_attention_heads"},
                    {"n_layers", "num_hidden_layers"}},
    .read = read_mpt,
};

}  // namespace whet
