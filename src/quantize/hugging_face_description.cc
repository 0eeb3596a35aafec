#include "quantize/hugging_face_description.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <optional>

#include "formats/untrusted_text.h"
#include "load/model_config_reader.h"
#include "quantize/sentencepiece_description.h"
#include "quantize/tokenizer_description.h"
#include "token/gguf_tokenizer.h"
#include "token/known_pre_tokenizers.h"
#include "token/tokenizer_factory.h"

namespace whet {
namespace {

using Json = nlohmann::ordered_json;

Error unsaid(std::string message) {
  return Error(ErrorCode::kInvalidModel, std::move(message));
}

std::string text_of(const Json& json) {
  return json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

/// What Hugging Face's files call the classes of these architectures.
struct KnownClass {
  const char *architecture, *model_type, *model_class;
  const char* tokenizer_class;  // of one with a tokenizer.model
};
constexpr KnownClass kClasses[] = {
    {"llama", "llama", "LlamaForCausalLM", "LlamaTokenizer"},
    {"qwen2", "qwen2", "Qwen2ForCausalLM", "LlamaTokenizer"},
    {"qwen3", "qwen3", "Qwen3ForCausalLM", "LlamaTokenizer"},
    {"gemma2", "gemma2", "Gemma2ForCausalLM", "GemmaTokenizer"},
    {"gemma3", "gemma3_text", "Gemma3ForCausalLM", "GemmaTokenizer"}};

Result<const KnownClass*> class_of(const ModelConfig& config) {
  std::vector<std::string_view> names;
  for (const KnownClass& known : kClasses) {
    if (config.architecture == known.architecture) return &known;
    names.push_back(known.architecture);
  }
  return unsaid(
      fmt::format("config.json: expected {}, found {}; whet writes the words of those "
                  "alone from a GGUF file",
                  fmt::join(names, ", "), quote_untrusted(config.architecture)));
}

bool turns_plainly(const RopeForm& rope, int64_t head_dim) {
  return rope.n_rotated == head_dim && rope.factors.empty() && rope.long_factors.empty() &&
         rope.dynamic_factor == 0 && rope.magnitude == 1 && rope.query_growth == 0;
}

/// The shortest number that gives the same float again: 1e-5, not 9.99999974737875e-06.
double as_written(float x) {
  return std::stod(fmt::format("{}", x));
}

/// Windows, soft caps, the scale of the scores and the rope of windowed layers.
void add_gemma_words(const ModelConfig& c, Json& json) {
  const auto number_or_null = [](float x) { return x == 0 ? Json(nullptr) : Json(as_written(x)); };
  const AttentionBlockForm& a = c.layers.front().attention;
  json.erase("hidden_act");
  json["hidden_activation"] = "gelu_pytorch_tanh";
  json["attn_logit_softcapping"] = number_or_null(a.softcap);
  json["final_logit_softcapping"] = number_or_null(c.logit_softcap);
  json["query_pre_attn_scalar"] = std::lround(1 / (double{a.scale} * a.scale));
  int64_t window = 0;
  Json types = Json::array();
  for (const LayerForm& layer : c.layers) {
    window = std::max(window, layer.attention.window);
    types.push_back(layer.attention.window > 0 ? "sliding_attention" : "full_attention");
  }
  json["sliding_window"] = window;
  json["layer_types"] = std::move(types);
  if (c.ropes.size() > 1) json["rope_local_base_freq"] = as_written(c.ropes[1].theta);
}

Result<Json> config_json(const LoadedModel& model) {
  const ModelConfig& c = model.model.config;
  WHET_TRY(const KnownClass* known, class_of(c));
  const LayerForm& layer = c.layers.front();
  const AttentionBlockForm& a = layer.attention;
  if (layer.experts.n_experts > 0) return unsaid("config.json: expected no experts, found some");
  if (!std::ranges::all_of(c.ropes, [&](auto& rope) { return turns_plainly(rope, a.head_dim); })) {
    return unsaid(
        "config.json: expected rotary positions without scaling, found some; whet writes "
        "no \"rope_scaling\" from a GGUF file");
  }
  const Weights& w = model.model.weights;
  Json json = {{"architectures", {known->model_class}},
               {"model_type", known->model_type},
               {"hidden_size", c.d_model},
               {"intermediate_size", layer.ffn.dim},
               {"num_hidden_layers", c.n_layers()},
               {"num_attention_heads", a.n_heads},
               {"num_key_value_heads", a.n_kv_heads},
               {"head_dim", a.head_dim},
               {"hidden_act", "silu"},
               {"max_position_embeddings", c.context_length},
               {"rms_norm_eps", as_written(c.norm.epsilon)},
               {"rope_theta", as_written(c.ropes.front().theta)},
               {"tie_word_embeddings", w.head.matrix.data == w.embedding.data},
               {"vocab_size", c.vocab_size}};
  if (c.architecture == std::string_view("llama")) {
    json["attention_bias"] = a.qkv_bias;
    json["mlp_bias"] = layer.ffn.bias;
  }
  if (c.architecture.starts_with("gemma")) add_gemma_words(c, json);
  const Tokenizer& tokenizer = *model.tokenizer;
  if (tokenizer.bos()) json["bos_token_id"] = *tokenizer.bos();
  if (tokenizer.eos()) json["eos_token_id"] = *tokenizer.eos();
  return json;
}

std::optional<double> number_of(const MetaValue& value) {
  if (const auto* u = std::get_if<uint64_t>(&value.value)) return static_cast<double>(*u);
  if (const auto* i = std::get_if<int64_t>(&value.value)) return static_cast<double>(*i);
  if (const auto* d = std::get_if<double>(&value.value)) return static_cast<float>(*d);
  return std::nullopt;
}

/// Every key of the GGUF file's architecture is what the new config.json means in its words.
Status check_config(const LoadedModel& model, const ModelFile& copy) {
  WHET_TRY(const Metadata said, describe_config(copy).with_context("the new config.json"));
  const std::string prefix = model.model.config.architecture + ".";
  const auto& metadata = model.file.metadata;
  for (auto it = metadata.lower_bound(prefix);
       it != metadata.end() && it->first.starts_with(prefix); ++it) {
    const auto other = said.find(it->first);
    const auto expected = number_of(it->second);
    const auto found = other == said.end() ? std::nullopt : number_of(other->second);
    // What GGUF says of itself: config.json has the one or the other.
    if (it->first == prefix + "rope.dimension_count" &&
        expected ==
            number_of({static_cast<uint64_t>(model.model.config.ropes.front().n_rotated)})) {
      continue;
    }
    if (it->first == prefix + "vocab_size") continue;  // the tensors say it
    if (expected && found && *expected == *found) continue;
    return unsaid(fmt::format("config.json: whet has no word for {}", quote_untrusted(it->first)));
  }
  return ok_status();
}

Json special_token(const Tokenizer& tokenizer, TokenId id) {
  return {{"SpecialToken", {{"id", tokenizer.piece(id)}, {"type_id", 0}}}};
}

/// What is put around a text.
struct Ends {
  std::optional<TokenId> first, last;
};
Result<Ends> ends_of(const Tokenizer& tokenizer) {
  WHET_TRY(const auto around, tokenizer.encode("", {.add_special = true, .parse_special = false}));
  if (around.empty()) return Ends{};
  if (around.size() == 2) return Ends{around[0], around[1]};
  if (around.size() > 2) return unsaid("tokenizer: expected one token at each end, found more");
  const bool is_last = around[0] == tokenizer.eos() && tokenizer.eos() != tokenizer.bos();
  return is_last ? Ends{std::nullopt, around[0]} : Ends{around[0], std::nullopt};
}

Json post_processor(const Tokenizer& tokenizer, const Ends& ends) {
  if (!ends.first && !ends.last) {
    return {{"type", "ByteLevel"},
            {"add_prefix_space", true},
            {"trim_offsets", false},
            {"use_regex", true}};
  }
  Json single = Json::array(), pair = Json::array(), specials = Json::object();
  for (const auto& id : {ends.first, ends.last}) {
    if (!id) continue;
    const std::string piece(tokenizer.piece(*id));
    specials[piece] = {{"id", piece}, {"ids", {*id}}, {"tokens", {piece}}};
  }
  const auto sequence = [](const char* name, int type) {
    return Json{{"Sequence", {{"id", name}, {"type_id", type}}}};
  };
  if (ends.first) single.push_back(special_token(tokenizer, *ends.first));
  single.push_back(sequence("A", 0));
  if (ends.last) single.push_back(special_token(tokenizer, *ends.last));
  pair = single;
  pair.push_back(sequence("B", 1));
  return {{"type", "TemplateProcessing"},
          {"single", std::move(single)},
          {"pair", std::move(pair)},
          {"special_tokens", std::move(specials)}};
}

Result<Json> pre_tokenizer(std::string_view name) {
  WHET_TRY(const auto patterns, pre_tokenizer_patterns(name));
  Json steps = Json::array();
  for (const std::string_view pattern : patterns) {
    steps.push_back({{"type", "Split"},
                     {"pattern", {{"Regex", pattern}}},
                     {"behavior", "Isolated"},
                     {"invert", false}});
  }
  steps.push_back({{"type", "ByteLevel"},
                   {"add_prefix_space", false},
                   {"trim_offsets", false},
                   {"use_regex", false}});
  return Json{{"type", "Sequence"}, {"pretokenizers", std::move(steps)}};
}

/// What a GGUF file that whet wrote says in keys of whet's own; the reader has checked both.
Result<Json> whet_normalizer(const ModelFile& file) {
  WHET_TRY(const std::string text, file.get_string_or(kNormalizerKey, ""));
  return text.empty() ? Json(nullptr) : Json::parse(text);
}
Status take_whet_tokens(const ModelFile& file, Json& added) {
  WHET_TRY(const std::string text, file.get_string_or(kAddedTokensKey, ""));
  if (text.empty()) return ok_status();
  const Json said = Json::parse(text);
  for (const Json& token : said["added_tokens"]) {
    for (Json& other : added) {
      if (other["id"] == token["id"]) other = token;
    }
  }
  return ok_status();
}

Result<Json> tokenizer_text(const LoadedModel& model) {
  const ModelFile& file = model.file;
  const Tokenizer& tokenizer = *model.tokenizer;
  WHET_TRY(const std::string kind, file.get_string("tokenizer.ggml.model"));
  if (kind != "gpt2") {
    return unsaid(fmt::format(
        "tokenizer: expected byte-level BPE (gpt2) or SentencePiece's BPE (llama), found {}; whet "
        "writes no other tokenizer from a GGUF file",
        quote_untrusted(kind)));
  }
  WHET_TRY(const std::string pre, file.get_string_or("tokenizer.ggml.pre", "default"));
  WHET_TRY(const KnownPreTokenizer known, find_pre_tokenizer(pre));
  Json added = Json::array(), vocabulary = Json::object();
  for (TokenId id = 0; id < tokenizer.vocab_size(); ++id) {
    const TokenType type = tokenizer.type(id);
    const std::string piece(tokenizer.piece(id));
    if (type == TokenType::kUnused) continue;  // rows of the embedding without a token
    vocabulary[piece] = id;
    const bool special = type == TokenType::kControl || type == TokenType::kUnknown;
    if (!special && type != TokenType::kUserDefined) continue;
    added.push_back({{"id", id},
                     {"content", piece},
                     {"single_word", false},
                     {"lstrip", false},
                     {"rstrip", false},
                     {"normalized", false},
                     {"special", special}});
  }
  WHET_TRY(Json normalizer, whet_normalizer(file));
  WHET_TRY_STATUS(take_whet_tokens(file, added));
  WHET_TRY(const auto lines, file.get_strings("tokenizer.ggml.merges"));
  Json merges = Json::array();
  for (const std::string& line : lines) merges.push_back(line);
  WHET_TRY(const Ends ends, ends_of(tokenizer));
  WHET_TRY(Json splitting, pre_tokenizer(pre));
  return Json{{"version", "1.0"},
              {"truncation", nullptr},
              {"padding", nullptr},
              {"added_tokens", std::move(added)},
              {"normalizer", std::move(normalizer)},
              {"pre_tokenizer", std::move(splitting)},
              {"post_processor", post_processor(tokenizer, ends)},
              {"decoder",
               {{"type", "ByteLevel"},
                {"add_prefix_space", true},
                {"trim_offsets", true},
                {"use_regex", true}}},
              {"model",
               {{"type", "BPE"},
                {"dropout", nullptr},
                {"unk_token", nullptr},
                {"continuing_subword_prefix", nullptr},
                {"end_of_word_suffix", nullptr},
                {"fuse_unk", false},
                {"byte_fallback", false},
                {"ignore_merges", known.ignores_merges},
                {"vocab", std::move(vocabulary)},
                {"merges", std::move(merges)}}}};
}

Json tokenizer_config_json(const LoadedModel& model, const Ends& ends) {
  const Tokenizer& tokenizer = *model.tokenizer;
  const auto text = [&](const std::optional<TokenId>& id) {
    return id ? Json(tokenizer.piece(*id)) : Json(nullptr);
  };
  return {{"tokenizer_class", "PreTrainedTokenizerFast"},
          {"add_bos_token", ends.first.has_value()},
          {"add_eos_token", ends.last.has_value()},
          {"bos_token", text(tokenizer.bos())},
          {"eos_token", text(tokenizer.eos())},
          {"clean_up_tokenization_spaces", false},
          {"model_max_length", model.model.config.context_length}};
}

Json generation_config_json(const Tokenizer& tokenizer) {
  Json json = Json::object();
  if (tokenizer.bos()) json["bos_token_id"] = *tokenizer.bos();
  json["eos_token_id"] = tokenizer.end_of_generation();
  return json;
}

Status check_tokenizer(const LoadedModel& model, const ModelFile& copy) {
  auto made = make_tokenizer(copy);
  if (!made.ok()) return made.error().with_context("the new tokenizer");
  const auto ends_of_turns = [](const Tokenizer& tokenizer) {
    std::vector<TokenId> ends = tokenizer.end_of_generation();
    std::ranges::sort(ends);
    return ends;
  };
  if (!gives_same_ids(*model.tokenizer, **made)) {
    return unsaid(fmt::format("tokenizer: expected the ids of {}, found others",
                              model.tokenizer->description()));
  }
  if (ends_of_turns(*model.tokenizer) != ends_of_turns(**made)) {
    return unsaid("tokenizer: expected the same tokens to end a turn, found others");
  }
  return ok_status();
}

/// Tokens that text may spell: control tokens, and on request those that a user defined.
Json added_tokens(const Tokenizer& tokenizer, const std::optional<TokenId>& unknown,
                  bool user_defined) {
  Json added = Json::object();
  for (TokenId id = 0; id < tokenizer.vocab_size(); ++id) {
    const bool control = tokenizer.type(id) == TokenType::kControl;
    const bool defined = user_defined && tokenizer.type(id) == TokenType::kUserDefined;
    if (id == unknown || (!control && !defined)) continue;
    added[std::to_string(id)] = {{"content", tokenizer.piece(id)},
                                 {"single_word", false},
                                 {"lstrip", false},
                                 {"rstrip", false},
                                 {"normalized", false},
                                 {"special", control}};
  }
  return added;
}

/// tokenizer.model, and of transformers' words around it those under which the ids stay.
Status add_sentencepiece(const LoadedModel& model, const Ends& ends, ModelFile& copy) {
  WHET_TRY(const KnownClass* known, class_of(model.model.config));
  SentencePieceRules rules;
  WHET_TRY(rules.adds_space_prefix,
           model.file.get_bool_or("tokenizer.ggml.add_space_prefix", true));
  WHET_TRY(rules.removes_extra_spaces,
           model.file.get_bool_or("tokenizer.ggml.remove_extra_whitespaces", false));
  constexpr uint64_t kNone = UINT64_MAX;
  WHET_TRY(const uint64_t unknown,
           model.file.get_uint_or("tokenizer.ggml.unknown_token_id", kNone));
  if (unknown < static_cast<uint64_t>(model.tokenizer->vocab_size())) {
    rules.unknown = static_cast<TokenId>(unknown);
  }
  WHET_TRY(copy.side_files["tokenizer.model"], describe_sentencepiece(*model.tokenizer, rules));
  Json words = tokenizer_config_json(model, ends);
  words["tokenizer_class"] = known->tokenizer_class;
  Status checked = ok_status();
  for (const bool user_defined : {false, true}) {
    words["added_tokens_decoder"] = added_tokens(*model.tokenizer, rules.unknown, user_defined);
    for (const bool legacy : {false, true}) {
      words["legacy"] = legacy;
      copy.side_files["tokenizer_config.json"] = text_of(words);
      checked = check_tokenizer(model, copy);
      if (checked.ok()) return checked;
    }
  }
  return checked;
}

Status add_byte_level(const LoadedModel& model, const Ends& ends, ModelFile& copy) {
  WHET_TRY(const Json tokenizer, tokenizer_text(model));
  copy.side_files["tokenizer.json"] = text_of(tokenizer);
  copy.side_files["tokenizer_config.json"] = text_of(tokenizer_config_json(model, ends));
  return check_tokenizer(model, copy);
}

}  // namespace

Result<SideFiles> describe_as_hugging_face(const LoadedModel& model) {
  if (model.file.container == ModelFile::Container::kSafeTensors) return model.file.side_files;
  ModelFile copy{};
  copy.container = ModelFile::Container::kSafeTensors;
  WHET_TRY(const Json config, config_json(model));
  WHET_TRY(const Ends ends, ends_of(*model.tokenizer));
  copy.side_files["config.json"] = text_of(config);
  copy.side_files["generation_config.json"] = text_of(generation_config_json(*model.tokenizer));
  if (!model.chat_template_source.empty()) {
    copy.side_files["chat_template.jinja"] = model.chat_template_source;
  }
  WHET_TRY_STATUS(check_config(model, copy));
  WHET_TRY(const std::string kind, model.file.get_string("tokenizer.ggml.model"));
  WHET_TRY_STATUS(kind == "llama" ? add_sentencepiece(model, ends, copy)
                                  : add_byte_level(model, ends, copy));
  return std::move(copy.side_files);
}

}  // namespace whet
