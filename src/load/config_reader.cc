#include "load/config_reader.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>

#include "base/invalid_model.h"
#include "formats/untrusted_text.h"

namespace whet {
namespace {

using Json = nlohmann::json;

// Words of config.json that change no logit: training, generation, and what files are called.
constexpr std::string_view kHarmlessWords[] = {
    "architectures",
    "attention_dropout",
    "attention_probs_dropout_prob",
    "attn_implementation",
    "attn_pdrop",
    "auto_map",
    "bad_words_ids",
    "begin_suppress_tokens",
    "bos_token_id",
    "cache_implementation",
    "chunk_size_feed_forward",
    "classifier_dropout",
    "classifier_dropout_prob",
    "custom_pipelines",
    "decoder_start_token_id",
    "diversity_penalty",
    "do_sample",
    "dtype",
    "early_stopping",
    "emb_pdrop",
    "embd_pdrop",
    "embed_dropout",
    "embedding_dropout",
    "encoder_no_repeat_ngram_size",
    "eos_token_id",
    "exponential_decay_length_penalty",
    "ffn_dropout",
    "finetuning_task",
    "forced_bos_token_id",
    "forced_eos_token_id",
    "gradient_checkpointing",
    "hidden_dropout",
    "hidden_dropout_prob",
    "id2label",
    "init_std",
    "initializer_cutoff_factor",
    "initializer_factor",
    "initializer_range",
    "is_decoder",  // all are
    "is_llama_config",
    "label2id",
    "language_model_only",
    "length_penalty",
    "max_length",
    "max_window_layers",  // read where use_sliding_window is true
    "min_length",
    "model_type",
    "name",
    "no_repeat_ngram_size",
    "num_beam_groups",
    "num_beams",
    "num_return_sequences",
    "num_steps",
    "output_attentions",
    "output_hidden_states",
    "output_past",
    "output_router_logits",
    "output_scores",
    "pad_token_id",
    "prefix",
    "pretraining_tp",  // splits the same products
    "problem_type",
    "remove_invalid_values",
    "reorder_and_upcast_attn",  // precision
    "repetition_penalty",
    "resid_pdrop",
    "residual_dropout",
    "return_dict",
    "return_dict_in_generate",
    "router_aux_loss_coef",
    "router_jitter_noise",
    "router_z_loss_coef",
    "sep_token_id",
    "suppress_tokens",
    "task_specific_params",
    "temperature",
    "tf_legacy_loss",
    "tokenizer_class",
    "tokenizer_name",
    "top_k",
    "top_p",
    "torch_dtype",
    "torchscript",
    "transformers.js_config",
    "transformers_version",
    "typical_p",
    "unk_token_id",
    "unsloth_fixed",
    "unsloth_version",
    "use_cache",
    "use_return_dict",
};

// Words of parts that a model may have: where they say that it has none, they change nothing. Where
// they say that it has one, an architecture must have read them.
constexpr std::string_view kWordsOfParts[] = {
    "add_cross_attention",
    "alibi",
    "attention_bias",
    "is_encoder_decoder",
    "lm_head_bias",
    "mlp_bias",
    "qk_layernorm",
    "qkv_bias",
    "rope_interleaved",
    "tie_encoder_decoder",
    "use_bfloat16",
    "use_bias",
    "use_bidirectional_attention",
    "use_mrope",
    "use_qk_norm",
    "use_sliding_window",
};

// Keys under the architecture's prefix that change no logit.
constexpr std::string_view kHarmlessKeys[] = {
    "rope.scaling.finetuned",
    "tensor_data_layout",
    "vocab_size",
};

Result<int64_t> in_range(std::string_view what, uint64_t value, uint64_t low, uint64_t high) {
  if (value < low || value > high) {
    return invalid_model(fmt::format("{}: expected {} to {}, found {}", what, low, high, value));
  }
  return static_cast<int64_t>(value);
}

struct TypedWord {
  const char* word;
  Json::value_t type;
  const char* expected;
};

// Words that are not read as what they are, or only by some architectures: a wrong type shows a
// damaged or foreign file all the same.
constexpr TypedWord kTypedWords[] = {
    {"architectures", Json::value_t::array, "a list"},
    {"attention_bias", Json::value_t::boolean, "true or false"},
    {"dtype", Json::value_t::string, "a text"},
    {"mlp_bias", Json::value_t::boolean, "true or false"},
    {"model_type", Json::value_t::string, "a text"},
    {"quantization", Json::value_t::object, "an object"},
    {"quantization_config", Json::value_t::object, "an object"},
    {"rope_parameters", Json::value_t::object, "an object"},
    {"rope_scaling", Json::value_t::object, "an object"},
    {"tie_word_embeddings", Json::value_t::boolean, "true or false"},
    {"torch_dtype", Json::value_t::string, "a text"},
};

Status check_types(const Json& object) {
  for (const TypedWord& typed : kTypedWords) {
    const auto it = object.find(typed.word);
    if (it == object.end() || it->is_null() || it->type() == typed.type) continue;
    return invalid_model(fmt::format("config.json: \"{}\": expected {}, found {}", typed.word,
                                     typed.expected, quote_untrusted(it->dump())));
  }
  return ok_status();
}

template <typename List>
bool contains(const List& list, std::string_view word) {
  return std::find(std::begin(list), std::end(list), word) != std::end(list);
}

const Json kNull;

}  // namespace

Result<ConfigReader> ConfigReader::open(const ModelFile& file) {
  ConfigReader reader(file);
  if (reader.is_gguf()) {
    WHET_TRY(reader.architecture_, file.get_string("general.architecture"));
    reader.set_prefix(reader.architecture_);
    return reader;
  }
  auto side = file.side_files.find("config.json");
  if (side == file.side_files.end()) {
    return invalid_model("config.json: expected beside the SafeTensors, found none");
  }
  reader.root_ =
      std::make_shared<const Json>(Json::parse(side->second, nullptr, /*allow_exceptions=*/false));
  if (!reader.root_->is_object()) return invalid_model("config.json: expected a JSON object");
  reader.object_ = reader.root_.get();
  WHET_TRY_STATUS(check_types(*reader.object_));
  auto type = reader.object_->find("model_type");
  if (type != reader.object_->end() && type->is_string()) {
    reader.architecture_ = type->get<std::string>();
  }
  return reader;
}

Status ConfigReader::descend(const char* key) {
  const Json& inner = json(key);
  if (!inner.is_object()) {
    return invalid_model(
        fmt::format("config.json: \"{}\": expected an object, found {}", key, inner.dump()));
  }
  object_ = &inner;
  return ok_status();
}

Status ConfigReader::take_other_names(const std::vector<OtherName>& names) {
  if (is_gguf() || names.empty()) return ok_status();
  Json words = *root_;
  for (const auto& [word, other] : names) {
    const auto found = words.find(other);
    if (found == words.end() || found->is_null()) continue;
    const Json value = *found;
    words.erase(found);
    Json& own = words[std::string(word)];
    if (!own.is_null() && own != value) {
      return invalid_model(fmt::format(
          "config.json: \"{}\": expected what \"{}\" says, which is the same word, found {} and {}",
          other, word, quote_untrusted(value.dump()), quote_untrusted(own.dump())));
    }
    own = value;
  }
  root_ = std::make_shared<const Json>(std::move(words));
  object_ = root_.get();
  return ok_status();
}

const Json* ConfigReader::find(std::string_view key) {
  if (key.empty()) return nullptr;
  read_.emplace(key);
  auto it = object_->find(key);
  return it == object_->end() || it->is_null() ? nullptr : &*it;
}

const Json& ConfigReader::json(const char* key) {
  const Json* found = is_gguf() ? nullptr : find(key);
  return found == nullptr ? kNull : *found;
}

std::string ConfigReader::name(const Word& word) const {
  return is_gguf() ? full(word.gguf) : fmt::format("config.json: \"{}\"", word.hugging_face);
}

bool ConfigReader::has(const Word& word) const {
  if (is_gguf()) return !word.gguf.empty() && file_->has(full(word.gguf));
  if (word.hugging_face.empty()) return false;
  auto it = object_->find(word.hugging_face);
  return it != object_->end() && !it->is_null();
}

void ConfigReader::say(std::string_view gguf_key, MetaValue value) {
  if (!is_gguf() && !gguf_key.empty()) said_[full(gguf_key)] = std::move(value);
}

void ConfigReader::skip(std::initializer_list<std::string_view> words) {
  for (std::string_view word : words) read_.emplace(is_gguf() ? full(word) : std::string(word));
}

Result<int64_t> ConfigReader::count_of(const Json& value, const Word& word, uint64_t high) const {
  if (!value.is_number_unsigned()) {
    return invalid_model(fmt::format("{}: expected a positive integer, found {}", name(word),
                                     quote_untrusted(value.dump())));
  }
  return in_range(name(word), value.get<uint64_t>(), 1, high);
}

Result<int64_t> ConfigReader::count(const Word& word, uint64_t high,
                                    std::optional<int64_t> fallback) {
  if (is_gguf()) {
    if (!has(word)) {
      if (fallback) return *fallback;
      return invalid_model(fmt::format("key {}: missing", full(word.gguf)));
    }
    const std::string key = full(word.gguf);
    read_.insert(key);
    WHET_TRY(const uint64_t value, file_->get_uint(key));
    return in_range(key, value, 1, high);
  }
  const Json* found = find(word.hugging_face);
  if (found == nullptr && !fallback) return invalid_model(name(word) + " is missing");
  int64_t value = fallback.value_or(0);
  if (found != nullptr) {
    WHET_TRY(value, count_of(*found, word, high));
  }
  say(word.gguf, {static_cast<uint64_t>(value)});
  return value;
}

Result<std::vector<int64_t>> ConfigReader::counts(const Word& word, int64_t n_layers, uint64_t high,
                                                  std::optional<int64_t> fallback, uint64_t low) {
  const auto n = static_cast<size_t>(n_layers);
  const auto is_array = [&] {
    if (!has(word)) return false;
    if (!is_gguf()) return object_->at(std::string(word.hugging_face)).is_array();
    return std::holds_alternative<MetaArray>(file_->metadata.find(full(word.gguf))->second.value);
  };
  if (!is_array()) {
    WHET_TRY(const int64_t one, count(word, high, fallback));
    return std::vector<int64_t>(n, one);
  }
  std::vector<int64_t> values;
  if (is_gguf()) {
    read_.insert(full(word.gguf));
    WHET_TRY(values, file_->get_ints(full(word.gguf)));
  } else {
    for (const Json& value : *find(word.hugging_face)) {
      WHET_TRY(const int64_t one, count_of(value, word, high));
      values.push_back(one);
    }
    std::vector<uint64_t> told(values.begin(), values.end());
    say(word.gguf, {MetaArray{std::move(told)}});
  }
  if (values.size() != n) {
    return invalid_model(fmt::format("{}: expected one value for each of the {} layers, found {}",
                                     name(word), n, values.size()));
  }
  for (const int64_t value : values) {
    if (value < 0)
      return invalid_model(
          fmt::format("{}: expected at least {}, found {}", name(word), low, value));
    const auto checked = in_range(name(word), static_cast<uint64_t>(value), low, high);
    if (!checked.ok()) return checked.error();
  }
  return values;
}

Result<std::vector<bool>> ConfigReader::flags(std::string_view gguf_key, int64_t n_layers) {
  const std::string key = full(gguf_key);
  const auto found = is_gguf() ? file_->metadata.find(key) : file_->metadata.end();
  if (found == file_->metadata.end()) return std::vector<bool>();
  const auto* array = std::get_if<MetaArray>(&found->second.value);
  const auto* flags = array == nullptr ? nullptr : std::get_if<std::vector<bool>>(array);
  if (flags == nullptr) return std::vector<bool>();
  read_.insert(key);
  if (flags->size() != static_cast<size_t>(n_layers)) {
    return invalid_model(
        fmt::format("key {}: expected one value for each of the {} layers, found {}", key, n_layers,
                    flags->size()));
  }
  return *flags;
}

Result<double> ConfigReader::number(const Word& word, std::optional<double> fallback) {
  if (is_gguf()) {
    if (!has(word)) {
      if (fallback) return *fallback;
      return invalid_model(fmt::format("key {}: missing", full(word.gguf)));
    }
    read_.insert(full(word.gguf));
    return file_->get_float(full(word.gguf));
  }
  const Json* found = find(word.hugging_face);
  if (found == nullptr && !fallback) return invalid_model(name(word) + " is missing");
  if (found != nullptr && !found->is_number()) {
    return invalid_model(
        fmt::format("{}: expected a number, found {}", name(word), quote_untrusted(found->dump())));
  }
  const double value = found != nullptr ? found->get<double>() : *fallback;
  say(word.gguf, {value});
  return value;
}

Result<bool> ConfigReader::flag(const Word& word, std::optional<bool> fallback) {
  if (is_gguf()) {
    if (!has(word)) {
      if (fallback) return *fallback;
      return invalid_model(fmt::format("key {}: missing", full(word.gguf)));
    }
    read_.insert(full(word.gguf));
    return file_->get_bool_or(full(word.gguf), false);
  }
  const Json* found = find(word.hugging_face);
  if (says_null(word)) fallback = false;
  if (found == nullptr && !fallback) return invalid_model(name(word) + " is missing");
  if (found != nullptr && !found->is_boolean()) {
    return invalid_model(fmt::format("{}: expected true or false, found {}", name(word),
                                     quote_untrusted(found->dump())));
  }
  const bool value = found != nullptr ? found->get<bool>() : *fallback;
  say(word.gguf, {value});
  return value;
}

Result<std::string> ConfigReader::text(const Word& word, std::optional<std::string> fallback) {
  if (is_gguf()) {
    if (!has(word)) {
      if (fallback) return *fallback;
      return invalid_model(fmt::format("key {}: missing", full(word.gguf)));
    }
    read_.insert(full(word.gguf));
    return file_->get_string(full(word.gguf));
  }
  const Json* found = find(word.hugging_face);
  if (found == nullptr && !fallback) return invalid_model(name(word) + " is missing");
  if (found != nullptr && !found->is_string()) {
    return invalid_model(
        fmt::format("{}: expected a text, found {}", name(word), quote_untrusted(found->dump())));
  }
  std::string value = found != nullptr ? found->get<std::string>() : *fallback;
  say(word.gguf, {value});
  return value;
}

Status ConfigReader::expect_text(const Word& word, std::string_view expected) {
  WHET_TRY(const std::string found, text(word, std::string(expected)));
  if (found == expected) return ok_status();
  return invalid_model(
      fmt::format("{}: expected {}, found {}", name(word), expected, quote_untrusted(found)));
}

Status ConfigReader::expect_flag(const Word& word, bool expected) {
  WHET_TRY(const bool found, flag(word, expected));
  if (found == expected) return ok_status();
  return invalid_model(fmt::format("{}: expected {}, found {}", name(word), expected, found));
}

bool ConfigReader::changes_nothing(std::string_view word, const Json& value) {
  return value.is_null() || word.starts_with("_") || contains(kHarmlessWords, word) ||
         (value == false && contains(kWordsOfParts, word)) ||
         (word == "pruned_heads" && value.empty());
}

Status ConfigReader::check_all_read() const {
  if (is_gguf()) {
    for (auto it = file_->metadata.lower_bound(prefix_);
         it != file_->metadata.end() && it->first.starts_with(prefix_); ++it) {
      const std::string_view key = std::string_view(it->first).substr(prefix_.size());
      if (read_.contains(it->first) || contains(kHarmlessKeys, key)) continue;
      return invalid_model(
          fmt::format("key {}: whet does not know what this means for the arithmetic of {}",
                      quote_untrusted(it->first), architecture_));
    }
    return ok_status();
  }
  for (const Json* object = object_;; object = root_.get()) {
    for (const auto& [key, value] : object->items()) {
      if (read_.contains(key) || changes_nothing(key, value)) continue;
      return invalid_model(fmt::format(
          "config.json: {}: whet does not know what this word means for the arithmetic of {}",
          quote_untrusted(key), architecture_));
    }
    if (object == root_.get()) return ok_status();
  }
}

}  // namespace whet
