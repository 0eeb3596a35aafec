#include "token/tokenizer_config.h"

#include "token/json_fields.h"

namespace whet {

using nlohmann::json;

namespace {

// "<s>" or {"content": "<s>", ...}.
std::optional<std::string> token_text(const json& object, const char* name) {
  const json* field = find_field(object, name);
  if (field == nullptr) return std::nullopt;
  if (field->is_object()) field = find_field(*field, "content");
  if (field == nullptr || !field->is_string()) return std::nullopt;
  return field->get<std::string>();
}

void read_texts(const json& object, TokenizerConfig& config) {
  if (!config.bos) config.bos = token_text(object, "bos_token");
  if (!config.eos) config.eos = token_text(object, "eos_token");
  if (!config.unknown) config.unknown = token_text(object, "unk_token");
}

Status read_flag(const json& object, const char* name, std::optional<bool>& flag) {
  if (find_field(object, name) == nullptr) return ok_status();
  WHET_TRY(flag, get_bool_or(object, name, false));
  return ok_status();
}

// A number or a list of numbers.
Status read_end_ids(const json& object, std::vector<int64_t>& ids) {
  const json* field = find_field(object, "eos_token_id");
  if (field == nullptr) return ok_status();
  if (!field->is_array()) {
    WHET_TRY(const int64_t id, get_int(object, "eos_token_id"));
    ids.push_back(id);
    return ok_status();
  }
  for (const json& item : *field) {
    if (!item.is_number_integer()) {
      return Error(ErrorCode::kInvalidModel, "\"eos_token_id\": expected integers");
    }
    ids.push_back(item.get<int64_t>());
  }
  return ok_status();
}

Status read_file(const std::string& name, const json& object, TokenizerConfig& config) {
  if (name == "tokenizer_config.json" || name == "special_tokens_map.json") {
    read_texts(object, config);
    WHET_TRY_STATUS(read_flag(object, "add_bos_token", config.adds_bos));
    WHET_TRY_STATUS(read_flag(object, "add_eos_token", config.adds_eos));
    return ok_status();
  }
  return read_end_ids(object, config.end_ids);
}

}  // namespace

Result<TokenizerConfig> read_tokenizer_config(
    const std::map<std::string, std::string, std::less<>>& side_files) {
  TokenizerConfig config;
  for (const char* name : {"tokenizer_config.json", "special_tokens_map.json",
                           "generation_config.json", "config.json"}) {
    const auto file = side_files.find(name);
    if (file == side_files.end()) continue;
    auto object = parse_json_object(file->second);
    if (!object.ok()) return object.error().with_context(name);
    const Status status = read_file(name, *object, config);
    if (!status.ok()) return status.error().with_context(name);
  }
  return config;
}

}  // namespace whet
