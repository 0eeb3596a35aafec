// PipelineTokenizer: added tokens out of the text, normalizer, words, and what the model makes of
// each: merges (BPE), the most probable pieces (unigram) or the longest ones (WordPiece).
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "token/added_token_matcher.h"
#include "token/bpe_model.h"
#include "token/normalizer.h"
#include "token/pre_tokenizer.h"
#include "token/unigram_model.h"
#include "token/vocabulary_tokenizer.h"
#include "token/word_piece_model.h"

namespace whet {

/// A token that is found in text as a whole, with what decides when.
struct PipelineAddedToken {
  AddedToken token;
  /// Only with EncodeOptions::parse_special.
  bool special;
  /// Looked for in the normalized text, in its own normalized spelling.
  bool normalized = false;
};

struct PipelineParts {
  Vocabulary vocabulary;
  std::vector<MergeParts> merges;
  BpeOptions options;
  /// Instead of merges, the vocabulary's scores count.
  std::optional<UnigramOptions> unigram = std::nullopt;
  std::optional<WordPieceOptions> word_piece = std::nullopt;
  /// WordPiece: no space before marks such as "." and "'s" where words are joined again.
  bool tidies_spaces = false;
  Normalizer normalizer;
  PreTokenizer pre_tokenizer;
  std::vector<PipelineAddedToken> added_tokens;
  SequenceEnds ends;
  /// The vocabulary puts a space before the text (SentencePiece's dummy prefix).
  bool hides_leading_space = false;
  std::string description;
};

/// Errors: merges that do not fit the vocabulary.
Result<std::shared_ptr<const Tokenizer>> make_pipeline_tokenizer(PipelineParts parts);

}  // namespace whet
