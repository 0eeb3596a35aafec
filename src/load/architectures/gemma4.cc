// Gemma 4 (dense): windowed and full layers with heads, ropes and KV heads of their own, late
// layers that read the keys of earlier ones, inputs for each layer, a factor behind each.
#include <fmt/format.h>

#include <cmath>

#include "base/invalid_model.h"
#include "formats/untrusted_text.h"
#include "load/architectures/architectures.h"
#include "load/architectures/common.h"
#include "load/rope_reader.h"

namespace whet {
namespace {

constexpr TensorNames kGemma4Gguf =
    kGgufNames.with(Slot::kLayerEmbedding, "per_layer_token_embd.weight")
        .with(Slot::kLayerProjection, "per_layer_model_proj.weight")
        .with(Slot::kLayerProjectionNorm, "per_layer_proj_norm.weight")
        .with(Slot::kLayerInputGate, "blk.{}.inp_gate.weight")
        .with(Slot::kLayerInputOut, "blk.{}.proj.weight")
        .with(Slot::kLayerInputNorm, "blk.{}.post_norm.weight")
        .with(Slot::kOutputScale, "blk.{}.layer_output_scale.weight");
constexpr TensorNames kGemma4Names =
    kLlamaNames.with(Slot::kAttentionPostNorm, "model.layers.{}.post_attention_layernorm.weight")
        .with(Slot::kFfnNorm, "model.layers.{}.pre_feedforward_layernorm.weight")
        .with(Slot::kFfnPostNorm, "model.layers.{}.post_feedforward_layernorm.weight")
        .with(Slot::kLayerEmbedding, "model.embed_tokens_per_layer.weight")
        .with(Slot::kLayerProjection, "model.per_layer_model_projection.weight")
        .with(Slot::kLayerProjectionNorm, "model.per_layer_projection_norm.weight")
        .with(Slot::kLayerInputGate, "model.layers.{}.per_layer_input_gate.weight")
        .with(Slot::kLayerInputOut, "model.layers.{}.per_layer_projection.weight")
        .with(Slot::kLayerInputNorm, "model.layers.{}.post_per_layer_input_norm.weight")
        .with(Slot::kOutputScale, "model.layers.{}.layer_scalar");

using Json = nlohmann::json;

/// What full layers have instead of the windowed ones' sizes.
struct FullSizes {
  int64_t head_dim, n_kv_heads;
};

/// Of config.json: words of their own, or of transformers 5 an object for each such layer.
Result<FullSizes> read_full_sizes(ConfigReader& reader, const AttentionBlockForm& windowed,
                                  bool key_is_value) {
  FullSizes sizes{512, windowed.n_kv_heads};
  WHET_TRY(sizes.head_dim, reader.count({"", "global_head_dim"}, kernels::kMaxValueDim, 512));
  WHET_TRY(const int64_t heads,
           reader.count({"", "num_global_key_value_heads"}, kMaxHeads, sizes.n_kv_heads));
  if (key_is_value) sizes.n_kv_heads = heads;
  const Json& layers = reader.json("per_layer_config");
  if (!layers.is_object()) return sizes;
  for (const Json& words : layers) {
    for (auto it = words.begin(); words.is_object() && it != words.end(); ++it) {
      const bool known = it.key() == "head_dim" || it.key() == "num_key_value_heads";
      const uint64_t number = known && it->is_number_unsigned() ? it->get<uint64_t>() : 0;
      if (number < 1 || number > kMaxHeads) {
        return invalid_model(
            fmt::format("config.json: \"per_layer_config\": expected head_dim and "
                        "num_key_value_heads from 1 to {}, found {}: {}",
                        kMaxHeads, quote_untrusted(it.key()), quote_untrusted(it->dump())));
      }
      (it.key() == "head_dim" ? sizes.head_dim : sizes.n_kv_heads) = static_cast<int64_t>(number);
    }
  }
  return sizes;
}

/// Of the layer's own kind, the last before `first_shared`.
Result<int64_t> source_of(const std::vector<int64_t>& windows, int64_t layer,
                          int64_t first_shared) {
  const bool windowed = windows[static_cast<size_t>(layer)] > 0;
  for (int64_t i = first_shared - 1; i >= 0; --i) {
    if ((windows[static_cast<size_t>(i)] > 0) == windowed) return i;
  }
  return invalid_model(
      fmt::format("layer {} reads the keys of an earlier layer of its kind: found none", layer));
}

Status read_gemma4_layers(ConfigReader& reader, const std::vector<int64_t>& windows,
                          ModelConfig& config) {
  const int64_t n = config.n_layers();
  WHET_TRY(const bool key_is_value, reader.flag({"", "attention_k_eq_v"}, false));
  AttentionBlockForm& first = config.layers[0].attention;
  FullSizes full{first.head_dim, first.n_kv_heads};
  WHET_TRY(std::vector<int64_t> kv_heads,
           reader.counts({"attention.head_count_kv", "num_key_value_heads"}, n, kMaxHeads));
  WHET_TRY(std::vector<int64_t> widths,
           reader.counts({"feed_forward_length", "intermediate_size"}, n, kMaxWidth));
  int64_t windowed_dim = first.head_dim;
  if (reader.is_gguf()) {
    WHET_TRY(windowed_dim,
             reader.count({"attention.key_length_swa", ""}, kernels::kMaxValueDim, first.head_dim));
    reader.skip({"attention.value_length_swa"});
  } else {
    WHET_TRY(full, read_full_sizes(reader, first, key_is_value));
    WHET_TRY(windowed_dim, reader.count({"", "head_dim"}, kernels::kMaxValueDim, first.head_dim));
    for (size_t i = 0; i < windows.size(); ++i) {
      if (windows[i] == 0) kv_heads[i] = full.n_kv_heads;
    }
  }
  WHET_TRY(const double shared,
           reader.number({"attention.shared_kv_layers", "num_kv_shared_layers"}, 0));
  if (!(shared >= 0 && shared < static_cast<double>(n))) {
    return invalid_model(fmt::format(
        "{}: expected 0 to {}, found {}",
        reader.name({"attention.shared_kv_layers", "num_kv_shared_layers"}), n - 1, shared));
  }
  const int64_t first_shared = n - static_cast<int64_t>(shared);
  WHET_TRY(const bool wide, reader.flag({"", "use_double_wide_mlp"}, false));
  for (int64_t i = 0; i < n; ++i) {
    const auto at = static_cast<size_t>(i);
    LayerForm& layer = config.layers[at];
    AttentionBlockForm& a = layer.attention;
    const bool windowed = windows[at] > 0;
    a.window = windows[at];
    a.head_dim = windowed ? windowed_dim : full.head_dim;
    a.n_kv_heads = kv_heads[at];
    a.rope = windowed ? 1 : 0;
    a.scale = 1;
    a.qk_norm = QkNorm::kPerHead;
    a.values_normed = true;
    const std::string v = fmt::format("blk.{}.attn_v.weight", i);
    a.key_is_value =
        reader.is_gguf() ? reader.file().find_tensor(v) == nullptr : key_is_value && !windowed;
    layer.ffn.dim = widths[at];
    if (i >= first_shared) {
      WHET_TRY(a.shared_layer, source_of(windows, i, first_shared));
      a.key_is_value = false;
      if (wide) layer.ffn.dim *= 2;
    }
    layer.norm_after = true;
    layer.output_scale = true;
  }
  return ok_status();
}

/// Full layers turn only the first pairs of a head, with the frequencies of the whole.
Status read_ropes(ConfigReader& reader, ModelConfig& config) {
  int64_t full_dim = 0, windowed_dim = 0;
  for (const LayerForm& layer : config.layers) {
    (layer.attention.window > 0 ? windowed_dim : full_dim) = layer.attention.head_dim;
  }
  RopeWords words;
  words.head_dim = std::max<int64_t>(full_dim, 2);
  words.layer_type = "full_attention";
  words.usual_theta = 1e6;
  words.proportional = true;
  WHET_TRY(RopeForm full, read_rope(reader, config, words));
  RopeForm windowed;
  if (reader.is_gguf()) {
    WHET_TRY(const double theta, reader.number({"rope.freq_base_swa", ""}, 10000));
    WHET_TRY(windowed.n_rotated,
             reader.count({"rope.dimension_count_swa", ""}, kernels::kMaxValueDim, windowed_dim));
    windowed.theta = static_cast<float>(theta);
  } else {
    words = {};
    words.head_dim = std::max<int64_t>(windowed_dim, 2);
    words.layer_type = "sliding_attention";
    WHET_TRY(windowed, read_rope(reader, config, words));
  }
  config.ropes = {std::move(full), std::move(windowed)};
  return ok_status();
}

Status read_gemma4(ConfigReader& reader, ModelConfig& config) {
  Sizes sizes;
  sizes.by_layer = true;
  WHET_TRY_STATUS(read_sizes(reader, sizes, config));
  for (const char* word : {"enable_moe_block", "attention_bias"}) {
    WHET_TRY_STATUS(reader.expect_flag({"", word}, false));
  }
  WHET_TRY_STATUS(reader.expect_text({"", "use_bidirectional_attention"}, "vision"));
  reader.skip({"num_experts", "top_k_experts", "moe_intermediate_size"});  // of such a block
  WHET_TRY(const Activation activation,
           read_activation(reader, "hidden_activation", Activation::kGeluTanh));
  WHET_TRY(const std::vector<int64_t> windows,
           read_windows(
               reader, config.n_layers(), [](int64_t i) { return i % 6 < 5; }, 512));
  WHET_TRY_STATUS(read_gemma4_layers(reader, windows, config));
  WHET_TRY_STATUS(read_ropes(reader, config));
  const Word inputs{"embedding_length_per_layer_input", "hidden_size_per_layer_input"};
  WHET_TRY(const double input_dim, reader.number(inputs, reader.is_gguf() ? 0 : 256));
  if (!(input_dim >= 0 && input_dim <= 1 << 16)) {
    return invalid_model(
        fmt::format("{}: expected 0 to 65536, found {}", reader.name(inputs), input_dim));
  }
  config.layer_input_dim = static_cast<int64_t>(input_dim);
  config.layer_input_activation = activation;
  const Word vocabulary{"", "vocab_size_per_layer_input"};
  WHET_TRY(const int64_t rows, reader.count(vocabulary, kMaxVocabulary, config.vocab_size));
  if (config.layer_input_dim > 0 && rows != config.vocab_size) {
    return invalid_model(fmt::format("{}: expected the {} of the vocabulary, found {}",
                                     reader.name(vocabulary), config.vocab_size, rows));
  }
  const Word cap{"final_logit_softcapping", "final_logit_softcapping"};
  WHET_TRY(const double softcap, reader.number(cap, 0));
  if (!(softcap >= 0 && softcap < 1e6)) {
    return invalid_model(
        fmt::format("{}: expected a positive number, found {}", reader.name(cap), softcap));
  }
  config.logit_softcap = static_cast<float>(softcap);
  config.embedding_scale = std::sqrt(static_cast<float>(config.d_model));
  for (LayerForm& layer : config.layers) layer.ffn.activation = activation;
  reader.cannot_say("the layers of Gemma 4");
  return ok_status();
}

/// The part that reads text of a model that sees and hears.
Status read_gemma4_inner(ConfigReader& reader, ModelConfig& config) {
  reader.skip({"vision_config", "audio_config", "image_token_id", "video_token_id",
               "audio_token_id", "boi_token_id", "eoi_token_id", "boa_token_id", "eoa_token_id",
               "eoi_token_index", "eoa_token_index", "vision_soft_tokens_per_image",
               "tie_word_embeddings"});
  WHET_TRY_STATUS(reader.descend("text_config"));
  return read_gemma4(reader, config);
}

const Dialect kGemma4GgufDialect{kGemma4Gguf, kernels::RopePairing::kHalfSplit};

}  // namespace

const Architecture kGemma4{
    .name = "gemma4",
    .model_types = {"gemma4_text"},
    .gguf = kGemma4GgufDialect,
    .hugging_face = {kGemma4Names, kernels::RopePairing::kHalfSplit},
    .read = read_gemma4,
};

const Architecture kGemma4Seeing{
    .name = "gemma4",
    .model_types = {"gemma4"},
    .gguf = kGemma4GgufDialect,
    .hugging_face = {kGemma4Names,
                     kernels::RopePairing::kHalfSplit,
                     0,
                     false,
                     "model.language_model.",
                     {"model.vision_tower.", "model.audio_tower.", "model.embed_vision.",
                      "model.embed_audio."}},
    .read = read_gemma4_inner,
};

}  // namespace whet
