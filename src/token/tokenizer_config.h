// What the configuration files beside a tokenizer say about it: which tokens have a role, and which
// ids end a generation.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"

namespace whet {

struct TokenizerConfig {
  /// Texts, from tokenizer_config.json or special_tokens_map.json.
  std::optional<std::string> bos, eos, unknown;
  std::optional<bool> adds_bos, adds_eos;
  /// `eos_token_id` of generation_config.json and config.json.
  std::vector<int64_t> end_ids;
};

/// `side_files`: as in ModelFile. Missing files are fine, malformed ones an error.
Result<TokenizerConfig> read_tokenizer_config(
    const std::map<std::string, std::string, std::less<>>& side_files);

}  // namespace whet
