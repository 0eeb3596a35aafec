#include "load/architectures/common.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "base/invalid_model.h"
#include "formats/untrusted_text.h"

namespace whet {
namespace {

Status read_vocabulary(ConfigReader& reader, ModelConfig& config) {
  if (!reader.is_gguf()) {
    WHET_TRY(config.vocab_size, reader.count({"vocab_size", "vocab_size"}, kMaxVocabulary));
    return ok_status();
  }
  const TensorEntry* embedding = reader.file().find_tensor("token_embd.weight");
  if (embedding == nullptr || embedding->shape.size() != 2) {
    return invalid_model("tensor token_embd.weight: expected a matrix, found none");
  }
  const uint64_t rows = embedding->shape[0];
  if (rows < 1 || rows > kMaxVocabulary) {
    return invalid_model(
        fmt::format("rows of token_embd.weight: expected 1 to {}, found {}", kMaxVocabulary, rows));
  }
  config.vocab_size = static_cast<int64_t>(rows);
  return ok_status();
}

constexpr Word kKvHeads{"attention.head_count_kv", "num_key_value_heads"};

Status read_attention(ConfigReader& reader, const ModelConfig& config, const Sizes& sizes,
                      AttentionBlockForm& a) {
  WHET_TRY(a.n_heads, reader.count({"attention.head_count", sizes.heads}, kMaxHeads));
  const bool by_layer = sizes.hybrid || sizes.by_layer;
  if (!by_layer || !reader.is_gguf()) {
    WHET_TRY(a.n_kv_heads, reader.count(kKvHeads, kMaxHeads, a.n_heads));
  }
  if (sizes.latent) return ok_status();
  WHET_TRY(a.head_dim, reader.count({"attention.key_length", "head_dim"}, kernels::kMaxValueDim,
                                    std::max<int64_t>(config.d_model / a.n_heads, 1)));
  const Word value_length{"attention.value_length", ""};
  WHET_TRY(const int64_t value_dim, reader.count(value_length, kernels::kMaxValueDim, a.head_dim));
  if (value_dim != a.head_dim) {
    return invalid_model(fmt::format("{}: expected the key length {}, found {}",
                                     reader.name(value_length), a.head_dim, value_dim));
  }
  reader.say(value_length.gguf, {static_cast<uint64_t>(a.head_dim)});
  a.scale = 1.0f / std::sqrt(static_cast<float>(a.head_dim));
  return ok_status();
}

/// KV heads and FFN widths one by one; 0 where a layer has none.
Status read_hybrid_layers(ConfigReader& reader, const Sizes& sizes, int64_t n_layers,
                          const LayerForm& layer, ModelConfig& config) {
  const int64_t n_all = n_layers + sizes.n_unused_layers;
  WHET_TRY(const std::vector<int64_t> kv_heads,
           reader.counts(kKvHeads, n_all, kMaxHeads, layer.attention.n_heads, 0));
  WHET_TRY(const std::vector<int64_t> widths,
           reader.counts(sizes.ffn, n_all, kMaxWidth, std::nullopt, 0));
  config.layers.assign(static_cast<size_t>(n_layers), layer);
  for (size_t i = 0; i < config.layers.size(); ++i) {
    config.layers[i].attention.n_kv_heads = kv_heads[i];
    config.layers[i].ffn.dim = widths[i];
  }
  return ok_status();
}

}  // namespace

Status read_sizes(ConfigReader& reader, const Sizes& sizes, ModelConfig& config) {
  std::optional<int64_t> counted;
  if (sizes.n_layers > 0 && !reader.is_gguf()) counted = sizes.n_layers;
  WHET_TRY(const int64_t n_all, reader.count({"block_count", sizes.layers}, kMaxLayers, counted));
  const int64_t n_layers = n_all - sizes.n_unused_layers;
  if (n_layers < 1)
    return invalid_model("layers: expected some beside those that predict further tokens");
  config.n_unused_layers = sizes.n_unused_layers;
  WHET_TRY(config.d_model, reader.count({"embedding_length", sizes.width}, kMaxWidth));
  WHET_TRY(config.context_length,
           reader.count({"context_length", sizes.context}, kMaxContext, 2048));
  WHET_TRY_STATUS(read_vocabulary(reader, config));
  config.norm.kind = sizes.norm;
  WHET_TRY(const double epsilon,
           reader.number(sizes.epsilon, reader.is_gguf() ? std::nullopt : sizes.usual_epsilon));
  config.norm.epsilon = static_cast<float>(epsilon);
  LayerForm layer;
  WHET_TRY_STATUS(read_attention(reader, config, sizes, layer.attention));
  if (sizes.hybrid && reader.is_gguf()) {
    WHET_TRY_STATUS(read_hybrid_layers(reader, sizes, n_layers, layer, config));
  } else {
    if (!sizes.by_layer) {
      std::optional<int64_t> usual;
      if (sizes.ffn_widths > 0 && !reader.is_gguf()) usual = sizes.ffn_widths * config.d_model;
      WHET_TRY(layer.ffn.dim, reader.count(sizes.ffn, kMaxWidth, usual));
    }
    config.layers.assign(static_cast<size_t>(n_layers), layer);
  }
  // The tensors say whether the head is the embedding; load/quantised_weights.h has read the
  // others.
  reader.skip({"tie_word_embeddings", "quantization_config", "quantization"});
  if (!sizes.dense || !reader.is_gguf()) return ok_status();
  WHET_TRY(const double n_experts, reader.number({"expert_count", ""}, 0));
  if (n_experts > 0) {
    return invalid_model(fmt::format("{}: expected none (a dense model), found {}",
                                     reader.name({"expert_count", ""}), n_experts));
  }
  return ok_status();
}

Result<std::vector<int64_t>> read_windows(ConfigReader& reader, int64_t n_layers,
                                          const std::function<bool(int64_t layer)>& is_windowed,
                                          int64_t usual_window) {
  constexpr const char* kPattern = "attention.sliding_window_pattern";
  const Word word{"attention.sliding_window", "sliding_window"};
  const bool is_null = reader.says_null(word);
  WHET_TRY(const double value,
           reader.number(word, is_null ? 0.0 : static_cast<double>(usual_window)));
  if (!(value >= 0 && value <= static_cast<double>(kMaxContext))) {
    return invalid_model(
        fmt::format("{}: expected 0 to {}, found {}", reader.name(word), kMaxContext, value));
  }
  reader.say(word.gguf, {static_cast<uint64_t>(value)});  // llama.cpp takes no float here
  std::vector<bool> windowed;
  for (int64_t i = 0; i < n_layers; ++i) windowed.push_back(is_windowed(i));
  WHET_TRY(const std::vector<bool> pattern, reader.flags(kPattern, n_layers));
  if (!pattern.empty()) {
    windowed = pattern;
  } else if (reader.is_gguf()) {
    WHET_TRY(const int64_t period, reader.count({kPattern, ""}, kMaxLayers, 0));
    for (int64_t i = 0; period > 0 && i < n_layers; ++i) {
      windowed[static_cast<size_t>(i)] = i % period < period - 1;
    }
  }
  const nlohmann::json& types = reader.json("layer_types");
  if (types.is_array()) {
    if (types.size() != windowed.size()) {
      return invalid_model(fmt::format("config.json: \"layer_types\": expected {} layers, found {}",
                                       n_layers, types.size()));
    }
    for (size_t i = 0; i < windowed.size(); ++i) {
      if (types[i] != "sliding_attention" && types[i] != "full_attention") {
        return invalid_model(fmt::format(
            "config.json: \"layer_types\": expected full_attention or sliding_attention, found {}",
            quote_untrusted(types[i].dump())));
      }
      windowed[i] = types[i] == "sliding_attention";
    }
  }
  std::vector<int64_t> windows;
  for (const bool has : windowed) windows.push_back(has ? static_cast<int64_t>(value) : 0);
  if (value > 0) reader.say(kPattern, {MetaArray{windowed}});
  return windows;
}

Status read_qwen_windows(ConfigReader& reader,
                         bool (*is_windowed)(int64_t layer, double max_window_layers),
                         ModelConfig& config) {
  WHET_TRY(const bool windowed, reader.flag({"", "use_sliding_window"}, false));
  if (!windowed) {
    reader.skip({"sliding_window", "max_window_layers", "layer_types"});
    return ok_status();
  }
  WHET_TRY(const double limit, reader.number({"", "max_window_layers"}, 28));
  WHET_TRY(const std::vector<int64_t> windows,
           read_windows(
               reader, config.n_layers(), [&](int64_t i) { return is_windowed(i, limit); }, 4096));
  for (size_t i = 0; i < windows.size(); ++i) config.layers[i].attention.window = windows[i];
  reader.cannot_say("the windows of Qwen's attention");
  return ok_status();
}

Result<int64_t> read_window_period(ConfigReader& reader, int64_t usual) {
  const nlohmann::json& word = reader.json("sliding_window_pattern");
  if (!word.is_string()) {
    return reader.count({"", "sliding_window_pattern"}, kMaxLayers, usual);
  }
  const auto text = word.get<std::string>();  // "LLLG"
  if (text.empty() || text.find_first_not_of('L') != text.size() - 1 || text.back() != 'G') {
    return invalid_model(fmt::format(
        "config.json: \"sliding_window_pattern\": expected a number or some L and a G, found {}",
        quote_untrusted(text)));
  }
  return static_cast<int64_t>(text.size());
}

Result<std::vector<bool>> read_attending_layers(ConfigReader& reader, const ModelConfig& config,
                                                std::initializer_list<std::string_view> attends,
                                                std::string_view other) {
  std::vector<bool> attending;
  if (reader.is_gguf()) {
    for (const LayerForm& layer : config.layers)
      attending.push_back(layer.attention.n_kv_heads > 0);
    return attending;
  }
  const nlohmann::json& types = reader.json("layer_types");
  if (!types.is_array() || types.size() != config.layers.size()) {
    return invalid_model(fmt::format(
        "config.json: \"layer_types\": expected the types of {} layers", config.n_layers()));
  }
  for (const nlohmann::json& type : types) {
    const bool attends_here = std::any_of(attends.begin(), attends.end(),
                                          [&](std::string_view name) { return type == name; });
    if (!attends_here && type != other) {
      return invalid_model(fmt::format("config.json: \"layer_types\": expected {} or {}, found {}",
                                       *attends.begin(), other, quote_untrusted(type.dump())));
    }
    attending.push_back(attends_here);
  }
  return attending;
}

Result<int64_t> expanded_width(ConfigReader& reader, const ModelConfig& config) {
  WHET_TRY(const int64_t widths, reader.count({"", "mamba_expand"}, 64, 2));
  return widths * config.d_model;
}

Result<RecurrentForm> read_mamba2(ConfigReader& reader, const Mamba2Words& words,
                                  const char* first_convolution_bias, const char* first_in_bias) {
  RecurrentForm form;
  WHET_TRY(form.n_heads, reader.count({"ssm.time_step_rank", words.n_heads}, kMaxHeads));
  WHET_TRY(form.n_key_heads, reader.count({"ssm.group_count", words.n_groups}, kMaxHeads));
  WHET_TRY(form.key_dim, reader.count({"ssm.state_size", words.state}, kMaxWidth));
  WHET_TRY(form.width, reader.count({"ssm.conv_kernel", words.width}, 8));
  if (reader.is_gguf()) {
    WHET_TRY(const int64_t inner, reader.count({"ssm.inner_size", ""}, kMaxWidth));
    form.value_dim = inner / form.n_heads;
    if (form.value_dim * form.n_heads != inner) {
      return invalid_model(fmt::format("key {}: expected a multiple of the {} heads, found {}",
                                       reader.name({"ssm.inner_size", ""}), form.n_heads, inner));
    }
  } else {
    const nlohmann::json& said = reader.json(std::string(words.head_dim).c_str());
    if (words.inner_dim > 0 && (said.is_null() || said == "auto")) {
      form.value_dim = words.inner_dim / form.n_heads;
      if (form.value_dim < 1 || form.value_dim * form.n_heads != words.inner_dim) {
        return invalid_model(fmt::format(
            "config.json: \"{}\": expected a divisor of the width {} of all heads, found {}",
            words.n_heads, words.inner_dim, form.n_heads));
      }
    } else {
      WHET_TRY(form.value_dim, reader.count({"", words.head_dim}, kMaxWidth));
    }
  }
  WHET_TRY(form.convolution_bias,
           read_bias(reader, words.convolution_bias, true, first_convolution_bias));
  WHET_TRY(form.projection_bias, read_bias(reader, words.projection_bias, false, first_in_bias));
  form.channels = form.inner_dim() + 2 * form.keys_dim();
  return form;
}

Status expect_no_step_limit(ConfigReader& reader) {
  const nlohmann::json& limit = reader.json("time_step_limit");
  if (limit.is_null()) return ok_status();
  // Infinity is no number in JSON.
  if (limit.is_array() && limit.size() == 2 && limit[0] == 0 && !limit[1].is_number()) {
    return ok_status();
  }
  return invalid_model(
      fmt::format("config.json: \"time_step_limit\": expected 0 and Infinity, found {}",
                  quote_untrusted(limit.dump())));
}

Result<bool> read_bias(ConfigReader& reader, std::string_view word, bool usual,
                       const char* gguf_tensor) {
  if (reader.is_gguf()) return reader.file().find_tensor(gguf_tensor) != nullptr;
  return reader.flag({"", word}, usual);
}

Status expect_experts_everywhere(ConfigReader& reader) {
  if (reader.is_gguf()) return ok_status();
  WHET_TRY(const int64_t step, reader.count({"", "decoder_sparse_step"}, kMaxLayers, 1));
  const nlohmann::json& dense = reader.json("mlp_only_layers");
  if (step == 1 && dense.empty()) return ok_status();
  return invalid_model(
      "config.json: \"decoder_sparse_step\", \"mlp_only_layers\": expected experts in every layer");
}

Result<ExpertsForm> read_experts(ConfigReader& reader, const ExpertWords& words) {
  ExpertsForm experts;
  WHET_TRY(experts.n_experts, reader.count(words.count, kMaxExperts));
  const Word used{"expert_used_count", "num_experts_per_tok"};
  WHET_TRY(experts.n_used, reader.count(used, kMaxExperts));
  if (experts.n_used > experts.n_experts) {
    return invalid_model(fmt::format("{}: expected at most the {} experts, found {}",
                                     reader.name(used), experts.n_experts, experts.n_used));
  }
  WHET_TRY(experts.expert.dim, reader.count(words.width, kMaxWidth));
  return experts;
}

void set_experts(ExpertsForm experts, int64_t shared, ModelConfig& config) {
  for (LayerForm& layer : config.layers) {
    experts.expert.activation = layer.ffn.activation;
    layer.experts = experts;
    layer.ffn.dim = shared;
  }
}

Result<Activation> read_activation(ConfigReader& reader, std::string_view word, Activation usual) {
  struct Named {
    std::string_view name;
    Activation activation;
  };
  // Hugging Face's names; several mean the same.
  constexpr Named kNames[] = {
      {"silu", Activation::kSilu},          {"swish", Activation::kSilu},
      {"gelu", Activation::kGelu},          {"gelu_new", Activation::kGeluTanh},
      {"gelu_fast", Activation::kGeluTanh}, {"gelu_pytorch_tanh", Activation::kGeluTanh}};
  if (reader.is_gguf()) return usual;
  WHET_TRY(const std::string name, reader.text({"", word}, ""));
  if (name.empty()) return usual;
  for (const Named& known : kNames) {
    if (known.name != name) continue;
    if (known.activation != usual) reader.cannot_say(fmt::format("\"{}\": \"{}\"", word, name));
    return known.activation;
  }
  return invalid_model(fmt::format("config.json: \"{}\": expected silu or a form of gelu, found {}",
                                   word, quote_untrusted(name)));
}

}  // namespace whet
