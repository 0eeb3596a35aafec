// The vocabulary, merges and added tokens of a tokenizer.json.
#pragma once

#include <nlohmann/json.hpp>
#include <optional>
#include <vector>

#include "base/result.h"
#include "token/pipeline_tokenizer.h"
#include "token/tokenizer_config.h"
#include "token/vocabulary.h"

namespace whet {

struct JsonVocabulary {
  VocabularyParts parts;
  std::vector<MergeParts> merges;
  std::vector<PipelineAddedToken> added_tokens;
  BpeOptions options;
  std::optional<UnigramOptions> unigram;      // the vocabulary has scores instead of merges
  std::optional<WordPieceOptions> word_piece;  // or nothing beside its pieces
};

/// `root` is the whole file; `byte_level` comes from its pre-tokenizer.
Result<JsonVocabulary> read_json_vocabulary(const nlohmann::json& root, bool byte_level,
                                            const TokenizerConfig& config);

}  // namespace whet
