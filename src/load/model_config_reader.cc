#include "load/model_config_reader.h"

#include <cstring>
#include <optional>

#include <fmt/format.h>

#include <cmath>
#include <nlohmann/json.hpp>
#include <numbers>

#include "load/architecture.h"

namespace whet {
namespace {

using Json = nlohmann::json;

Error invalid(std::string message) {
  return Error(ErrorCode::kInvalidModel, std::move(message));
}

Result<int64_t> in_range(std::string_view what, uint64_t value, uint64_t low, uint64_t high) {
  if (value < low || value > high) {
    return invalid(fmt::format("{}: expected {} to {}, found {}", what, low, high, value));
  }
  return static_cast<int64_t>(value);
}

/// Llama 3's frequency-dependent scaling: low frequencies are divided by `factor`, high ones kept,
/// those between blended. Source: Hugging Face transformers' documentation of rope_type "llama3".
std::vector<float> llama3_factors(int64_t rope_dim, double theta, double factor, double low_freq,
                                  double high_freq, double original_context) {
  std::vector<float> factors;
  for (int64_t i = 0; i < rope_dim / 2; ++i) {
    double frequency =
        std::pow(theta, -2.0 * static_cast<double>(i) / static_cast<double>(rope_dim));
    double wavelength = 2 * std::numbers::pi / frequency;
    double divisor = 1;
    if (wavelength > original_context / low_freq) {
      divisor = factor;
    } else if (wavelength > original_context / high_freq) {
      double smooth = (original_context / wavelength - low_freq) / (high_freq - low_freq);
      divisor = 1 / ((1 - smooth) / factor + smooth);
    }
    factors.push_back(static_cast<float>(divisor));
  }
  return factors;
}

std::vector<float> linear_factors(int64_t rope_dim, double factor) {
  return std::vector<float>(static_cast<size_t>(rope_dim / 2), static_cast<float>(factor));
}

// Upper bounds of one dimension; far above any real model, far below overflow of their products.
constexpr uint64_t kMaxLayers = 1024;
constexpr uint64_t kMaxWidth = 1 << 20;
constexpr uint64_t kMaxHeads = 4096;
constexpr uint64_t kMaxHeadDim = kernels::kMaxHeadDim;
constexpr uint64_t kMaxVocab = 1 << 24;
constexpr uint64_t kMaxContext = 1 << 28;

/// Relations that forward() relies on, whatever the container.
Status check(const ModelConfig& c) {
  if (c.n_heads % c.n_kv_heads != 0) {
    return invalid(fmt::format("attention heads: expected a multiple of the {} KV heads, found {}",
                               c.n_kv_heads, c.n_heads));
  }
  if (c.head_dim > static_cast<int64_t>(kMaxHeadDim)) {
    return invalid(
        fmt::format("width of a head: expected 1 to {}, found {}", kMaxHeadDim, c.head_dim));
  }
  if (c.rope_dim % 2 != 0 || c.rope_dim < 2 || c.rope_dim > c.head_dim) {
    return invalid(
        fmt::format("rope dimension: expected an even number up to the head width {}, found {}",
                    c.head_dim, c.rope_dim));
  }
  if (!(c.norm_eps > 0 && c.norm_eps < 1)) {
    return invalid(fmt::format("epsilon of the norms: expected 0 < eps < 1, found {}", c.norm_eps));
  }
  if (!(c.rope_theta >= 1 && c.rope_theta < 1e12f)) {
    return invalid(fmt::format("rope frequency base: expected 1 to 1e12, found {}", c.rope_theta));
  }
  for (float factor : c.rope_factors) {
    if (!(factor > 0 && factor < 1e6f)) {
      return invalid(
          fmt::format("rope scaling factor: expected a positive number, found {}", factor));
    }
  }
  return ok_status();
}

Status read_gguf_rope(const ModelFile& file, ModelConfig& config) {
  const std::string prefix = config.architecture + ".rope.";
  WHET_TRY(double theta, file.get_float_or(prefix + "freq_base", 10000.0));
  config.rope_theta = static_cast<float>(theta);
  WHET_TRY(std::string scaling, file.get_string_or(prefix + "scaling.type", "none"));
  if (scaling == "linear") {
    WHET_TRY(double factor, file.get_float(prefix + "scaling.factor"));
    config.rope_factors = linear_factors(config.rope_dim, factor);
  } else if (scaling != "none") {
    return invalid(
        fmt::format("{}scaling.type: expected none or linear, found \"{}\"", prefix, scaling));
  }
  if (const TensorEntry* tensor = file.find_tensor("rope_freqs.weight")) {
    if (tensor->type != DType::F32 ||
        tensor->shape != std::vector<uint64_t>{static_cast<uint64_t>(config.rope_dim / 2)}) {
      return invalid(
          fmt::format("tensor rope_freqs.weight: expected F32 [{}], found {} of {} dimensions",
                      config.rope_dim / 2, dtype_info(tensor->type).name, tensor->shape.size()));
    }
    config.rope_factors.resize(static_cast<size_t>(config.rope_dim / 2));
    std::memcpy(config.rope_factors.data(), tensor->bytes.data(), tensor->bytes.size());
  }
  return ok_status();
}

Result<ModelConfig> from_gguf(const ModelFile& file) {
  ModelConfig config{};
  WHET_TRY(config.architecture, file.get_string("general.architecture"));
  const Architecture* architecture = find_architecture(file.container, config.architecture);
  if (architecture == nullptr) {
    return invalid(fmt::format("general.architecture: expected {}, found \"{}\"",
                               known_architectures(file.container), config.architecture));
  }
  config.form = architecture->form;
  const std::string prefix = config.architecture + ".";
  auto dimension = [&](std::string_view key, uint64_t high) -> Result<int64_t> {
    std::string full = prefix + std::string(key);
    WHET_TRY(uint64_t value, file.get_uint(full));
    return in_range(full, value, 1, high);
  };
  WHET_TRY(config.n_layers, dimension("block_count", kMaxLayers));
  WHET_TRY(config.d_model, dimension("embedding_length", kMaxWidth));
  WHET_TRY(config.n_heads, dimension("attention.head_count", kMaxHeads));
  WHET_TRY(config.ffn_dim, dimension("feed_forward_length", kMaxWidth));
  WHET_TRY(config.context_length, dimension("context_length", kMaxContext));
  WHET_TRY(uint64_t n_kv_heads, file.get_uint_or(prefix + "attention.head_count_kv",
                                                 static_cast<uint64_t>(config.n_heads)));
  WHET_TRY(config.n_kv_heads,
           in_range(prefix + "attention.head_count_kv", n_kv_heads, 1, kMaxHeads));
  WHET_TRY(uint64_t head_dim,
           file.get_uint_or(prefix + "attention.key_length",
                            static_cast<uint64_t>(config.d_model / config.n_heads)));
  WHET_TRY(config.head_dim, in_range(prefix + "attention.key_length", head_dim, 1, kMaxHeadDim));
  WHET_TRY(uint64_t value_dim, file.get_uint_or(prefix + "attention.value_length", head_dim));
  if (value_dim != head_dim) {
    return invalid(fmt::format("{}attention.value_length: expected the key length {}, found {}",
                               prefix, head_dim, value_dim));
  }
  WHET_TRY(uint64_t rope_dim, file.get_uint_or(prefix + "rope.dimension_count", head_dim));
  WHET_TRY(config.rope_dim, in_range(prefix + "rope.dimension_count", rope_dim, 1, kMaxHeadDim));
  const bool rms = config.form.norm == DecoderForm::Norm::kRms;
  WHET_TRY(double eps, file.get_float(prefix + (rms ? "attention.layer_norm_rms_epsilon"
                                                    : "attention.layer_norm_epsilon")));
  config.norm_eps = static_cast<float>(eps);
  WHET_TRY(uint64_t n_experts, file.get_uint_or(prefix + "expert_count", 0));
  if (n_experts > 0) {
    return invalid(
        fmt::format("{}expert_count: expected 0 (a dense model), found {}", prefix, n_experts));
  }
  config.rope_pairing = architecture->gguf_pairing;
  WHET_TRY_STATUS(read_gguf_rope(file, config));

  const TensorEntry* embedding = file.find_tensor("token_embd.weight");
  if (embedding == nullptr || embedding->shape.size() != 2) {
    return invalid("tensor token_embd.weight: expected a matrix, found none");
  }
  WHET_TRY(config.vocab_size,
           in_range("rows of token_embd.weight", embedding->shape[0], 1, kMaxVocab));
  return config;
}

/// Reads numbers of config.json with errors that name the key.
class JsonFields {
 public:
  explicit JsonFields(const Json& object) : object_(object) {}

  Result<int64_t> integer(const char* key, uint64_t high,
                          std::optional<int64_t> fallback = {}) const {
    auto it = object_.find(key);
    if (it == object_.end() || it->is_null()) {
      if (fallback) return *fallback;
      return invalid(fmt::format("config.json: \"{}\" is missing", key));
    }
    if (!it->is_number_unsigned()) {
      return invalid(fmt::format("config.json: \"{}\": expected a positive integer, found {}", key,
                                 it->dump()));
    }
    return in_range(fmt::format("config.json: \"{}\"", key), it->get<uint64_t>(), 1, high);
  }

  Result<double> number(const char* key, std::optional<double> fallback = {}) const {
    auto it = object_.find(key);
    if (it == object_.end() || it->is_null()) {
      if (fallback) return *fallback;
      return invalid(fmt::format("config.json: \"{}\" is missing", key));
    }
    if (!it->is_number()) {
      return invalid(
          fmt::format("config.json: \"{}\": expected a number, found {}", key, it->dump()));
    }
    return it->get<double>();
  }

  std::string text(const char* key) const {
    auto it = object_.find(key);
    return it != object_.end() && it->is_string() ? it->get<std::string>() : "";
  }

 private:
  const Json& object_;
};

Status read_hf_rotary_factor(const Json& json, const Json& rope_parameters, ModelConfig& config) {
  const char* key = "partial_rotary_factor";
  const double usual = architecture_of(config).rotary_factor;
  WHET_TRY(const double outside, JsonFields(json).number(key, usual));
  WHET_TRY(const double factor, JsonFields(rope_parameters).number(key, outside));
  if (!(factor > 0 && factor <= 1) || (usual == 1 && factor != 1)) {
    return invalid(fmt::format("config.json: \"{}\": expected {}, found {}", key,
                               usual == 1 ? "1" : "more than 0 and at most 1", factor));
  }
  config.rope_dim = static_cast<int64_t>(factor * static_cast<double>(config.head_dim));
  return ok_status();
}

Status read_hf_rope(const Json& json, ModelConfig& config) {
  // transformers 5 nests theta and scaling in "rope_parameters"; before, they stood apart.
  const Json& parameters = json.contains("rope_parameters") && json["rope_parameters"].is_object()
                               ? json["rope_parameters"]
                               : json;
  WHET_TRY_STATUS(read_hf_rotary_factor(json, parameters, config));
  WHET_TRY(double theta, JsonFields(parameters).number("rope_theta", 10000.0));
  config.rope_theta = static_cast<float>(theta);
  const Json& scaling =
      &parameters == &json && json.contains("rope_scaling") ? json["rope_scaling"] : parameters;
  if (!scaling.is_object() || &scaling == &json) return ok_status();
  JsonFields fields(scaling);
  std::string type = fields.text("rope_type");
  if (type.empty()) type = fields.text("type");
  if (type.empty() || type == "default") return ok_status();
  WHET_TRY(double factor, fields.number("factor"));
  if (type == "linear") {
    config.rope_factors = linear_factors(config.rope_dim, factor);
  } else if (type == "llama3") {
    WHET_TRY(double low, fields.number("low_freq_factor"));
    WHET_TRY(double high, fields.number("high_freq_factor"));
    WHET_TRY(double original, fields.number("original_max_position_embeddings"));
    config.rope_factors = llama3_factors(config.rope_dim, theta, factor, low, high, original);
  } else {
    return invalid(fmt::format(
        "config.json: rope scaling type: expected default, linear or llama3, found \"{}\"", type));
  }
  return ok_status();
}

/// What the weights' shapes do not tell apart.
Status check_features(const Json& json, const Architecture& architecture) {
  const std::string activation = JsonFields(json).text("hidden_act");
  const char* expected = architecture.form.ffn == DecoderForm::Ffn::kSwiGlu ? "silu" : "gelu_new";
  if (!activation.empty() && activation != expected) {
    return invalid(fmt::format("config.json: \"hidden_act\": expected {}, found \"{}\"", expected,
                               activation));
  }
  for (const char* feature : {"attention_bias", "mlp_bias", "use_sliding_window", "qk_layernorm"}) {
    if (json.contains(feature) && json[feature] == true) {
      return invalid(fmt::format("config.json: \"{}\": expected false, found true", feature));
    }
  }
  if (architecture.form.other_biases && json.contains("tie_word_embeddings") &&
      json["tie_word_embeddings"] == true) {
    return invalid(
        "config.json: \"tie_word_embeddings\": expected false (a head of its own), found true");
  }
  if (json.contains("quantization_config") || json.contains("quantization")) {
    return invalid("config.json: expected F32, F16 or BF16 weights, found a quantisation block");
  }
  return ok_status();
}

Result<ModelConfig> from_hugging_face(const ModelFile& file) {
  auto side = file.side_files.find("config.json");
  if (side == file.side_files.end()) {
    return invalid("config.json: expected beside the SafeTensors, found none");
  }
  Json json = Json::parse(side->second, nullptr, /*allow_exceptions=*/false);
  if (!json.is_object()) return invalid("config.json: expected a JSON object");

  JsonFields fields(json);
  ModelConfig config{};
  const std::string model_type = fields.text("model_type");
  const Architecture* architecture = find_architecture(file.container, model_type);
  if (architecture == nullptr) {
    return invalid(fmt::format("config.json: \"model_type\": expected {}, found \"{}\"",
                               known_architectures(file.container), model_type));
  }
  config.architecture = architecture->name;
  config.form = architecture->form;
  WHET_TRY_STATUS(check_features(json, *architecture));
  WHET_TRY(config.n_layers, fields.integer("num_hidden_layers", kMaxLayers));
  WHET_TRY(config.d_model, fields.integer("hidden_size", kMaxWidth));
  WHET_TRY(config.n_heads, fields.integer("num_attention_heads", kMaxHeads));
  WHET_TRY(config.n_kv_heads, fields.integer("num_key_value_heads", kMaxHeads, config.n_heads));
  WHET_TRY(config.head_dim, fields.integer("head_dim", kMaxHeadDim,
                                           std::max<int64_t>(config.d_model / config.n_heads, 1)));
  WHET_TRY(config.ffn_dim, fields.integer("intermediate_size", kMaxWidth));
  WHET_TRY(config.vocab_size, fields.integer("vocab_size", kMaxVocab));
  WHET_TRY(config.context_length, fields.integer("max_position_embeddings", kMaxContext, 2048));
  WHET_TRY(double eps, config.form.norm == DecoderForm::Norm::kRms
                           ? fields.number("rms_norm_eps", 1e-6)
                           : fields.number("layer_norm_eps", 1e-5));
  config.norm_eps = static_cast<float>(eps);
  config.rope_pairing = kernels::RopePairing::kHalfSplit;
  WHET_TRY_STATUS(read_hf_rope(json, config));
  return config;
}

}  // namespace

Result<ModelConfig> read_model_config(const ModelFile& file) {
  auto config =
      file.container == ModelFile::Container::kGguf ? from_gguf(file) : from_hugging_face(file);
  if (!config.ok()) return config.error();
  WHET_TRY_STATUS(check(*config));
  return config;
}

}  // namespace whet
