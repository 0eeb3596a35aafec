#include "load/rope_reader.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstring>

#include "base/invalid_model.h"
#include "formats/untrusted_text.h"
#include "kernels/kernels.h"
#include "load/rope_scaling.h"

namespace whet {
namespace {

using Json = nlohmann::json;

/// One factor for each pair, from a tensor of GGUF; empty where the file has none.
Result<std::vector<float>> factors_of(const ModelFile& file, const char* name, int64_t n_pairs) {
  const TensorEntry* tensor = file.find_tensor(name);
  if (tensor == nullptr) return std::vector<float>();
  if (tensor->type != DType::F32 ||
      tensor->shape != std::vector<uint64_t>{static_cast<uint64_t>(n_pairs)}) {
    return invalid_model(fmt::format("tensor {}: expected F32 [{}], found {} of {} dimensions",
                                     name, n_pairs, dtype_info(tensor->type).name,
                                     tensor->shape.size()));
  }
  std::vector<float> factors(static_cast<size_t>(n_pairs));
  std::memcpy(factors.data(), tensor->bytes.data(), tensor->bytes.size());
  return factors;
}

Status apply_yarn(const YarnScaling& scaling, double magnitude, RopeForm& rope) {
  rope.factors = yarn_factors(rope.n_rotated, rope.theta, scaling);
  rope.magnitude = static_cast<float>(magnitude);
  return ok_status();
}

void scale_scores(double factor, double all_dim, RopeForm& rope) {
  const double magnitude = yarn_magnitude(factor, all_dim);
  rope.score_scale = static_cast<float>(magnitude * magnitude);
}

Status read_gguf_scaling(ConfigReader& reader, const ModelConfig& config, const RopeWords& words,
                         RopeForm& rope) {
  const Word type{"rope.scaling.type", ""}, factor_key{"rope.scaling.factor", ""};
  // As llama.cpp: a factor without a type is linear, and files of 2023 call it differently.
  WHET_TRY(const double old_factor, reader.number({"rope.scale_linear", ""}, 0.0));
  WHET_TRY(const double factor, reader.number(factor_key, old_factor));
  WHET_TRY(const std::string scaling, reader.text(type, factor == 0 ? "none" : "linear"));
  if ((scaling == "linear" || scaling == "yarn") && factor == 0) {
    return invalid_model(
        fmt::format("key {}: missing beside {}", reader.name(factor_key), reader.name(type)));
  }
  if (scaling == "linear") {
    rope.factors = linear_factors(rope.n_rotated, factor);
  } else if (scaling == "yarn") {
    YarnScaling yarn;
    yarn.truncate = words.yarn_truncates;
    yarn.factor = factor;
    WHET_TRY(yarn.original_context, reader.number({"rope.scaling.original_context_length", ""},
                                                  static_cast<double>(config.context_length)));
    WHET_TRY(yarn.beta_fast, reader.number({"rope.scaling.yarn_beta_fast", ""}, yarn.beta_fast));
    WHET_TRY(yarn.beta_slow, reader.number({"rope.scaling.yarn_beta_slow", ""}, yarn.beta_slow));
    WHET_TRY(const double extrapolation, reader.number({"rope.scaling.yarn_ext_factor", ""}, 1.0));
    if (extrapolation != 1) {
      return invalid_model(fmt::format("{}: expected 1, found {}",
                                       reader.name({"rope.scaling.yarn_ext_factor", ""}),
                                       extrapolation));
    }
    WHET_TRY(const double log_factor, reader.number({"rope.scaling.yarn_log_multiplier", ""}, 0));
    double usual = log_factor == 0
                       ? yarn_magnitude(yarn.factor)
                       : yarn_magnitude(yarn.factor) / yarn_magnitude(yarn.factor, log_factor);
    if (words.scales_scores && log_factor != 0) {
      usual = 1;
      scale_scores(yarn.factor, log_factor * 10, rope);
    }
    WHET_TRY(const double magnitude, reader.number({"rope.scaling.yarn_attn_factor", ""}, usual));
    if (words.query_growth) {
      WHET_TRY(const double growth, reader.number({"attention.temperature_scale", ""}, 0));
      rope.query_growth = static_cast<float>(growth);
      rope.original_context = static_cast<int64_t>(yarn.original_context);
    }
    WHET_TRY_STATUS(apply_yarn(yarn, magnitude, rope));
  } else if (scaling != "none" && scaling != "longrope") {
    return invalid_model(fmt::format("{}: expected none, linear, yarn or longrope, found {}",
                                     reader.name(type), quote_untrusted(scaling)));
  }
  const int64_t n_pairs = rope.n_rotated / 2;
  WHET_TRY(std::vector<float> usual, factors_of(reader.file(), "rope_freqs.weight", n_pairs));
  WHET_TRY(std::vector<float> in_short,
           factors_of(reader.file(), "rope_factors_short.weight", n_pairs));
  WHET_TRY(rope.long_factors, factors_of(reader.file(), "rope_factors_long.weight", n_pairs));
  if (in_short.empty() != rope.long_factors.empty()) {
    return invalid_model(
        "tensors rope_factors_short.weight and rope_factors_long.weight: expected both or none, "
        "found one");
  }
  if (!usual.empty()) rope.factors = usual;
  if (!in_short.empty()) {
    rope.factors = in_short;
    WHET_TRY(rope.original_context, reader.count({"rope.scaling.original_context_length", ""},
                                                 kMaxContext, config.context_length));
    WHET_TRY(const double magnitude, reader.number({"rope.scaling.attn_factor", ""}, 1.0));
    rope.magnitude = static_cast<float>(magnitude);
  }
  return ok_status();
}

/// Numbers of one object inside config.json. Remembers what was asked for.
class Parameters {
 public:
  explicit Parameters(const Json& object) : object_(object) {}

  Result<double> number(const char* key, std::optional<double> fallback = std::nullopt) {
    asked_.insert(key);
    auto it = object_.find(key);
    if (it == object_.end() || it->is_null()) {
      if (fallback) return *fallback;
      return invalid_model(fmt::format("config.json: rope scaling: \"{}\" is missing", key));
    }
    if (!it->is_number()) {
      return invalid_model(
          fmt::format("config.json: rope scaling: \"{}\": expected a number, found {}", key,
                      quote_untrusted(it->dump())));
    }
    return it->get<double>();
  }
  Result<std::vector<float>> numbers(const char* key, size_t n) {
    asked_.insert(key);
    auto it = object_.find(key);
    if (it == object_.end() || !it->is_array() || it->size() != n ||
        !std::all_of(it->begin(), it->end(), [](const Json& x) { return x.is_number(); })) {
      return invalid_model(
          fmt::format("config.json: rope scaling: \"{}\": expected {} numbers, found {}", key, n,
                      it == object_.end() ? "none" : quote_untrusted(it->dump())));
    }
    return it->get<std::vector<float>>();
  }
  std::string text(const char* key) {
    asked_.insert(key);
    auto it = object_.find(key);
    return it != object_.end() && it->is_string() ? it->get<std::string>() : "";
  }
  Result<bool> flag(const char* key, bool fallback) {
    asked_.insert(key);
    auto it = object_.find(key);
    if (it == object_.end()) return fallback;
    if (it->is_null()) return false;  // as Python has it
    if (!it->is_boolean()) {
      return invalid_model(
          fmt::format("config.json: rope scaling: \"{}\": expected true or false", key));
    }
    return it->get<bool>();
  }
  void skip(std::initializer_list<const char*> keys) { asked_.insert(keys.begin(), keys.end()); }
  bool has(const char* key) const { return object_.contains(key) && !object_[key].is_null(); }

  Status check_all_read(std::string_view type) const {
    for (const auto& [key, value] : object_.items()) {
      if (value.is_null() || asked_.contains(key)) continue;
      return invalid_model(
          fmt::format("config.json: rope scaling: {}: whet does not know what this word means for "
                      "type \"{}\"",
                      quote_untrusted(key), type));
    }
    return ok_status();
  }

 private:
  const Json& object_;
  std::set<std::string, std::less<>> asked_;
};

Status read_yarn(ConfigReader& reader, const ModelConfig& config, Parameters& p,
                 const RopeWords& words, RopeForm& rope) {
  YarnScaling yarn;
  WHET_TRY(yarn.original_context, p.number("original_max_position_embeddings",
                                           static_cast<double>(config.context_length)));
  WHET_TRY(yarn.factor,
           p.number("factor", static_cast<double>(config.context_length) / yarn.original_context));
  WHET_TRY(yarn.beta_fast, p.number("beta_fast", yarn.beta_fast));
  WHET_TRY(yarn.beta_slow, p.number("beta_slow", yarn.beta_slow));
  WHET_TRY(yarn.truncate, p.flag("truncate", true));
  WHET_TRY(const double mscale, p.number("mscale", 0));
  WHET_TRY(const double all_dim, p.number("mscale_all_dim", 0));
  const double usual = mscale != 0 && all_dim != 0 ? yarn_magnitude(yarn.factor, mscale) /
                                                         yarn_magnitude(yarn.factor, all_dim)
                                                   : yarn_magnitude(yarn.factor);
  WHET_TRY(const double magnitude, p.number("attention_factor", usual));
  if (words.scales_scores && all_dim != 0) scale_scores(yarn.factor, all_dim, rope);
  if (words.query_growth) {
    p.skip({"max_position_embeddings"});
    WHET_TRY(const double growth, p.number("llama_4_scaling_beta", 0));
    rope.query_growth = static_cast<float>(growth);
    rope.original_context = static_cast<int64_t>(yarn.original_context);
    reader.say("attention.temperature_scale", {growth});
  }
  reader.say("rope.scaling.type", {std::string("yarn")});
  reader.say("rope.scaling.factor", {yarn.factor});
  reader.say("rope.scaling.original_context_length",
             {static_cast<uint64_t>(yarn.original_context)});
  reader.say("rope.scaling.yarn_beta_fast", {yarn.beta_fast});
  reader.say("rope.scaling.yarn_beta_slow", {yarn.beta_slow});
  if (p.has("attention_factor") || mscale != 0) {
    reader.say("rope.scaling.yarn_attn_factor", {magnitude});
  }
  if (yarn.truncate != words.yarn_truncates) reader.cannot_say("YaRN's \"truncate\"");
  return apply_yarn(yarn, magnitude, rope);
}

Status read_longrope(ConfigReader& reader, const ModelConfig& config, Parameters& p,
                     RopeForm& rope) {
  const auto n_pairs = static_cast<size_t>(rope.n_rotated / 2);
  WHET_TRY(rope.factors, p.numbers("short_factor", n_pairs));
  WHET_TRY(rope.long_factors, p.numbers("long_factor", n_pairs));
  const auto context = static_cast<double>(config.context_length);
  const Word word{"", "original_max_position_embeddings"};
  const bool is_phi3 = reader.architecture() == "phi3";  // whose class always has the word
  const int64_t usual = is_phi3 ? 4096 : config.context_length;
  WHET_TRY(const int64_t outside, reader.count(word, kMaxContext, usual));
  WHET_TRY(double original,
           p.number("original_max_position_embeddings", static_cast<double>(outside)));
  // As transformers has it, where both are there.
  if (reader.has(word) || is_phi3) original = static_cast<double>(outside);
  if (!(original > 1 && original <= 1e9)) {
    return invalid_model(fmt::format(
        "config.json: \"original_max_position_embeddings\": expected more than 1, found {}",
        original));
  }
  rope.original_context = static_cast<int64_t>(original);
  WHET_TRY(const double factor, p.number("factor", context / original));
  const double usual_magnitude =
      factor <= 1 ? 1 : std::sqrt(1 + std::log(factor) / std::log(original));
  WHET_TRY(const double magnitude, p.number("attention_factor", usual_magnitude));
  rope.magnitude = static_cast<float>(magnitude);
  reader.say("rope.scaling.attn_factor", {magnitude});
  reader.say("rope.scaling.original_context_length",
             {static_cast<uint64_t>(rope.original_context)});
  return ok_status();
}

Status read_scaling(ConfigReader& reader, const ModelConfig& config, const RopeWords& words,
                    Parameters& p, RopeForm& rope) {
  std::string type = p.text("rope_type");
  const std::string old_type = p.text("type");
  if (type.empty()) type = old_type.empty() ? "default" : old_type;
  if (words.sections) {
    p.skip({"mrope_section", "mrope_interleaved"});
    if (type == "mrope") type = "default";
  }
  if (type == "linear") {
    WHET_TRY(const double factor, p.number("factor"));
    rope.factors = linear_factors(rope.n_rotated, factor);
    reader.say("rope.scaling.type", {type});
    reader.say("rope.scaling.factor", {factor});
  } else if (type == "llama3") {
    Llama3Scaling llama3;
    WHET_TRY(llama3.factor, p.number("factor"));
    WHET_TRY(llama3.low_freq, p.number("low_freq_factor"));
    WHET_TRY(llama3.high_freq, p.number("high_freq_factor"));
    WHET_TRY(llama3.original_context, p.number("original_max_position_embeddings"));
    rope.factors = llama3_factors(rope.n_rotated, rope.theta, llama3);
  } else if (type == "yarn") {
    WHET_TRY_STATUS(read_yarn(reader, config, p, words, rope));
  } else if (type == "longrope" || type == "su") {
    WHET_TRY_STATUS(read_longrope(reader, config, p, rope));
  } else if (type == "dynamic") {
    WHET_TRY(const double factor, p.number("factor"));
    WHET_TRY(const double original, p.number("original_max_position_embeddings",
                                             static_cast<double>(config.context_length)));
    rope.dynamic_factor = static_cast<float>(factor);
    rope.original_context = static_cast<int64_t>(original);
    reader.cannot_say("rope scaling of type dynamic");
  } else if (type != "default") {
    return invalid_model(
        fmt::format("config.json: rope scaling type: expected default, linear, dynamic, llama3, "
                    "yarn or longrope, found {}",
                    quote_untrusted(type)));
  }
  return p.check_all_read(type);
}

/// The object that holds theta and scaling: "rope_parameters" of transformers 5, where types of
/// layers may each have one; nothing where the words stand apart, as before.
const Json* nested_parameters(ConfigReader& reader, const RopeWords& words) {
  const Json& parameters = reader.json("rope_parameters");
  if (!parameters.is_object()) return nullptr;
  if (words.layer_type != nullptr && parameters.contains(words.layer_type) &&
      parameters[words.layer_type].is_object()) {
    return &parameters[words.layer_type];
  }
  return &parameters;
}

Status read_json(ConfigReader& reader, const ModelConfig& config, const RopeWords& words,
                 RopeForm& rope) {
  // transformers 5 writes "rope_parameters"; where the older "rope_scaling" says anything, that
  // stands instead of it, as there. Of types of layers each has its own, which it adds to.
  const Json* nested = nested_parameters(reader, words);
  const Json& scaling = reader.json("rope_scaling");
  const bool replaced = scaling.is_object() && !scaling.empty() && words.layer_type == nullptr;
  Json joined = nested != nullptr && !replaced ? *nested : Json::object();
  if (scaling.is_object()) joined.update(scaling);
  Parameters p(joined);
  WHET_TRY(const double outer_theta, reader.number({"", "rope_theta"}, words.usual_theta));
  WHET_TRY(const double theta, p.number("rope_theta", outer_theta));
  rope.theta = static_cast<float>(theta);
  const Word rotary{"", "partial_rotary_factor"};
  WHET_TRY(const double outside, reader.number(rotary, words.rotary_factor));
  WHET_TRY(const double factor, p.number("partial_rotary_factor", outside));
  const bool whole = words.rotary_factor == 1 && !words.any_rotary_factor && !words.proportional;
  if (!(factor > 0 && factor <= 1) || (whole && factor != 1)) {
    return invalid_model(
        fmt::format("config.json: \"partial_rotary_factor\": expected {}, found {}",
                    whole ? "1" : "more than 0 and at most 1", factor));
  }
  if (words.proportional && p.text("rope_type") == "proportional") {
    // As GGUF says it: pairs that do not turn have a frequency of next to nothing.
    rope.n_rotated = words.head_dim;
    const auto n_pairs = static_cast<size_t>(words.head_dim / 2);
    const auto n_turning = static_cast<size_t>(factor * static_cast<double>(words.head_dim) / 2);
    rope.factors.assign(n_pairs, 1e30f);
    std::fill_n(rope.factors.begin(), std::min(n_turning, n_pairs), 1.0f);
    return p.check_all_read("proportional");
  }
  rope.n_rotated = static_cast<int64_t>(factor * static_cast<double>(words.head_dim));
  reader.say("rope.dimension_count", {static_cast<uint64_t>(rope.n_rotated)});
  reader.say("rope.freq_base", {theta});
  if (rope.n_rotated < 2) return ok_status();  // check() will name it
  return read_scaling(reader, config, words, p, rope);
}

}  // namespace

Result<RopeForm> read_rope(ConfigReader& reader, const ModelConfig& config,
                           const RopeWords& words) {
  RopeForm rope;
  rope.pairing = words.pairing;
  if (!reader.is_gguf()) {
    WHET_TRY_STATUS(read_json(reader, config, words, rope));
    return rope;
  }
  WHET_TRY(const double theta, reader.number({"rope.freq_base", ""}, 10000.0));
  rope.theta = static_cast<float>(theta);
  WHET_TRY(rope.n_rotated,
           reader.count({"rope.dimension_count", ""}, kernels::kMaxValueDim, words.head_dim));
  WHET_TRY_STATUS(read_gguf_scaling(reader, config, words, rope));
  return rope;
}

}  // namespace whet
