#include "load/missing_tensors.h"

#include <fmt/format.h>

#include <algorithm>

#include "formats/untrusted_text.h"
#include "token/json_fields.h"

namespace whet {

bool is_old_table(std::string_view name) {
  for (std::string_view end :
       {".rotary_emb.inv_freq", ".masked_bias", ".attn.bias", ".attention.bias", ".position_ids"}) {
    if (name.ends_with(end)) return true;
  }
  return false;
}

Result<bool> says_untied(const ModelFile& file) {
  const auto config = file.side_files.find("config.json");
  if (config == file.side_files.end()) return false;
  WHET_TRY(const nlohmann::json json,
           parse_json_object(config->second).with_context("config.json"));
  constexpr const char *kWord = "tie_word_embeddings", *kText = "text_config";
  const bool of_text = json.contains(kText) && json[kText].contains(kWord);
  WHET_TRY(const bool tied, get_bool_or(of_text ? json[kText] : json, kWord, true));
  return !tied;
}

Result<std::vector<std::string>> explain_missing_tensors(const ModelFile& file) {
  std::vector<std::string> notes;
  for (const std::string& name : file.missing_tensors) {
    const bool is_head = name == "lm_head.weight";
    bool is_needed = !is_head && !is_old_table(name);
    if (is_head) {
      WHET_TRY(is_needed, says_untied(file));
    }
    const std::string found =
        fmt::format("the index lists tensor {}, which no shard holds", quote_untrusted(name));
    if (is_needed) {
      return Error(ErrorCode::kInvalidModel, found + "; is the download complete?");
    }
    notes.push_back(found + (is_head ? ": the embedding is the head" : ": it is not needed"));
  }
  return notes;
}

}  // namespace whet
