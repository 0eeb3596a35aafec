// What the configuration files beside a tokenizer say about it: tokens that its own file lacks,
// which tokens have a role, and which ids end a generation.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "token/pipeline_tokenizer.h"

namespace whet {

struct TokenizerConfig {
  /// Texts, from tokenizer_config.json; what it lacks, from special_tokens_map.json.
  std::optional<std::string> bos, eos, unknown;
  std::optional<bool> adds_bos, adds_eos;
  /// "added_tokens_decoder" of tokenizer_config.json, or added_tokens.json where it has none, in
  /// the order of ids; then the tokens that have a role, whose id (kNoToken) is the vocabulary's.
  std::vector<PipelineAddedToken> added_tokens;
  /// There is a tokenizer_config.json, so transformers decides how a tokenizer.model is used; and
  /// its "legacy": text after an added token gets a space prefix as at the start.
  bool is_of_transformers = false, legacy = false;
  /// `eos_token_id` of generation_config.json and config.json together; negative ones mean none.
  std::vector<int64_t> end_ids;
  /// `vocab_size` of config.json: added tokens beyond it have no row in the embedding.
  std::optional<int64_t> n_rows;
};

/// `side_files`: as in ModelFile. Missing files and fields are fine; a malformed file, a field of
/// a wrong type and a `bos_token_id` outside `vocab_size` are errors that name file and field.
Result<TokenizerConfig> read_tokenizer_config(
    const std::map<std::string, std::string, std::less<>>& side_files);

}  // namespace whet
