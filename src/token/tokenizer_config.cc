#include "token/tokenizer_config.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "base/invalid_model.h"
#include "formats/untrusted_text.h"
#include "token/added_token_json.h"
#include "token/json_fields.h"

namespace whet {

using nlohmann::json;

namespace {

// "<s>" or {"content": "<s>", ...}: special whatever it says, for it has a role.
Result<PipelineAddedToken> read_role(const json& node, const char* name) {
  if (!node.is_string() && !node.is_object()) {
    return invalid_model(fmt::format("\"{}\": expected a string or an added token, found {}", name,
                                     node.type_name()));
  }
  PipelineAddedToken token{};
  if (node.is_object()) {
    auto read = read_added_token(node);
    if (!read.ok()) return read.error().with_context(fmt::format("\"{}\"", name));
    token = std::move(read).value();
  } else {
    token.token.id = kNoToken;
    token.token.text = node.get<std::string>();
  }
  token.special = true;
  return token;
}

void add_once(PipelineAddedToken token, std::vector<PipelineAddedToken>& tokens) {
  const bool known = std::any_of(
      tokens.begin(), tokens.end(),
      [&](const PipelineAddedToken& other) { return other.token.text == token.token.text; });
  if (!known && !token.token.text.empty()) tokens.push_back(std::move(token));
}

// Tokens with a role, in the order in which transformers adds them.
Status read_roles(const json& object, TokenizerConfig& config,
                  std::vector<PipelineAddedToken>& with_role) {
  for (const char* name : {"bos_token", "eos_token", "unk_token", "sep_token", "pad_token",
                           "cls_token", "mask_token"}) {
    const json* field = find_field(object, name);
    if (field == nullptr) continue;
    WHET_TRY(PipelineAddedToken token, read_role(*field, name));
    const std::string_view role = name;
    for (auto [text, known] : {std::pair("bos_token", &config.bos),
                               {"eos_token", &config.eos},
                               {"unk_token", &config.unknown}}) {
      if (role == text && !*known) *known = token.token.text;
    }
    add_once(std::move(token), with_role);
  }
  for (const char* name : {"additional_special_tokens", "extra_special_tokens"}) {
    const json* field = find_field(object, name);
    if (field == nullptr) continue;
    // transformers 5 also writes an object that names each token.
    if (!field->is_array() && !field->is_object()) {
      return invalid_model(
          fmt::format("\"{}\": expected a list, found {}", name, field->type_name()));
    }
    for (const json& item : *field) {
      WHET_TRY(PipelineAddedToken token, read_role(item, name));
      add_once(std::move(token), with_role);
    }
  }
  return ok_status();
}

Status read_flag(const json& object, const char* name, std::optional<bool>& flag) {
  if (flag || find_field(object, name) == nullptr) return ok_status();
  WHET_TRY(flag, get_bool_or(object, name, false));
  return ok_status();
}

Status check_id(std::string_view text, int64_t id) {
  if (id >= 0 && id <= INT32_MAX) return ok_status();
  return invalid_model(fmt::format("added token {}: expected an id of 0 to {}, found {}",
                                   quote_untrusted(text), INT32_MAX, id));
}

void sort_by_id(std::vector<PipelineAddedToken>& tokens) {
  std::stable_sort(tokens.begin(), tokens.end(),
                   [](const auto& a, const auto& b) { return a.token.id < b.token.id; });
}

// {"151643": {"content": "<|endoftext|>", ...}, ...}
Status read_added_tokens_decoder(const json& object, TokenizerConfig& config) {
  const json* decoder = find_field(object, "added_tokens_decoder");
  if (decoder == nullptr) return ok_status();
  if (!decoder->is_object()) {
    return invalid_model(fmt::format("\"added_tokens_decoder\": expected an object, found {}",
                                     decoder->type_name()));
  }
  for (const auto& [key, node] : decoder->items()) {
    int64_t id = -1;
    const auto [end, error] = std::from_chars(key.data(), key.data() + key.size(), id);
    if (error != std::errc() || end != key.data() + key.size()) id = -1;
    auto token = read_added_token(node);
    if (!token.ok()) {
      return token.error().with_context(
          fmt::format("\"added_tokens_decoder\": {}", quote_untrusted(key)));
    }
    WHET_TRY_STATUS(check_id(token->token.text, id));
    token->token.id = static_cast<TokenId>(id);
    config.added_tokens.push_back(std::move(token).value());
  }
  sort_by_id(config.added_tokens);
  return ok_status();
}

// {"<|im_end|>": 32000, ...}; special where a role names the token.
Status read_added_tokens_file(const json& object, std::span<const PipelineAddedToken> with_role,
                              std::vector<PipelineAddedToken>& tokens) {
  for (const auto& [text, id] : object.items()) {
    if (!id.is_number_integer()) {
      return invalid_model(fmt::format("added token {}: expected an integer, found {}",
                                       quote_untrusted(text), id.type_name()));
    }
    WHET_TRY_STATUS(check_id(text, id.get<int64_t>()));
    PipelineAddedToken token{};
    token.token.id = id.get<TokenId>();
    token.token.text = text;
    token.special =
        std::any_of(with_role.begin(), with_role.end(),
                    [&text = text](const auto& other) { return other.token.text == text; });
    token.normalized = !token.special;
    if (!text.empty()) tokens.push_back(std::move(token));
  }
  sort_by_id(tokens);
  return ok_status();
}

// A number or a list of numbers; a negative one never occurs and so means none.
Status read_end_ids(const json& object, std::vector<int64_t>& ids) {
  const json* field = find_field(object, "eos_token_id");
  if (field == nullptr) return ok_status();
  const auto add = [&](const json& item) -> Status {
    if (!item.is_number_integer()) {
      return invalid_model(
          fmt::format("\"eos_token_id\": expected an integer or a list of integers, found {}",
                      item.type_name()));
    }
    if (item.get<int64_t>() >= 0) ids.push_back(item.get<int64_t>());
    return ok_status();
  };
  if (!field->is_array()) return add(*field);
  for (const json& item : *field) WHET_TRY_STATUS(add(item));
  return ok_status();
}

// Multimodal models keep the words of their language model in an object of its own.
Status read_n_rows(const json& object, TokenizerConfig& config) {
  const json* text = find_field(object, "text_config");
  for (const json* place : {&object, text}) {
    if (place == nullptr || config.n_rows || find_field(*place, "vocab_size") == nullptr) continue;
    WHET_TRY(config.n_rows, get_int(*place, "vocab_size"));
  }
  return ok_status();
}

Status check_bos_id(const json& object, const TokenizerConfig& config) {
  if (find_field(object, "bos_token_id") == nullptr) return ok_status();
  WHET_TRY(const int64_t id, get_int(object, "bos_token_id"));
  if (!config.n_rows || id < *config.n_rows) return ok_status();
  return invalid_model(
      fmt::format("\"bos_token_id\": expected an id below the \"vocab_size\" {}, found "
                  "{}",
                  *config.n_rows, id));
}

// The parsed files that are there, by name.
using Files = std::map<std::string_view, json>;

Status read_tokens(const Files& files, TokenizerConfig& config) {
  std::vector<PipelineAddedToken> with_role;
  for (const char* name : {"tokenizer_config.json", "special_tokens_map.json"}) {
    const auto file = files.find(name);
    if (file == files.end()) continue;
    const auto read = [&]() -> Status {
      WHET_TRY_STATUS(read_roles(file->second, config, with_role));
      WHET_TRY_STATUS(read_flag(file->second, "add_bos_token", config.adds_bos));
      return read_flag(file->second, "add_eos_token", config.adds_eos);
    };
    const Status status = read();
    if (!status.ok()) return status.error().with_context(name);
  }
  if (const auto file = files.find("tokenizer_config.json"); file != files.end()) {
    config.is_of_transformers = true;
    WHET_TRY(config.legacy,
             get_bool_or(file->second, "legacy", false).with_context("tokenizer_config.json"));
    const Status status = read_added_tokens_decoder(file->second, config);
    if (!status.ok()) return status.error().with_context("tokenizer_config.json");
  }
  if (const auto file = files.find("added_tokens.json");
      file != files.end() && config.added_tokens.empty()) {
    const Status status = read_added_tokens_file(file->second, with_role, config.added_tokens);
    if (!status.ok()) return status.error().with_context("added_tokens.json");
  }
  for (PipelineAddedToken& token : with_role) add_once(std::move(token), config.added_tokens);
  return ok_status();
}

Status read_ids(const Files& files, TokenizerConfig& config) {
  for (const char* name : {"config.json", "generation_config.json"}) {
    const auto file = files.find(name);
    if (file == files.end()) continue;
    const auto read = [&]() -> Status {
      WHET_TRY_STATUS(read_n_rows(file->second, config));
      WHET_TRY_STATUS(check_bos_id(file->second, config));
      return read_end_ids(file->second, config.end_ids);
    };
    const Status status = read();
    if (!status.ok()) return status.error().with_context(name);
  }
  return ok_status();
}

}  // namespace

Result<TokenizerConfig> read_tokenizer_config(
    const std::map<std::string, std::string, std::less<>>& side_files) {
  Files files;
  for (const char* name : {"tokenizer_config.json", "special_tokens_map.json", "added_tokens.json",
                           "generation_config.json", "config.json"}) {
    const auto file = side_files.find(name);
    if (file == side_files.end()) continue;
    auto object = parse_json_object(file->second);
    if (!object.ok()) return object.error().with_context(name);
    files.emplace(name, std::move(object).value());
  }
  TokenizerConfig config;
  WHET_TRY_STATUS(read_tokens(files, config));
  WHET_TRY_STATUS(read_ids(files, config));
  return config;
}

}  // namespace whet
