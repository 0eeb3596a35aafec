// PhraseTokenizer: a tokenizer whose vocabulary ends in phrases. Text becomes the base's tokens
// first, as it would without them, and then the fewest tokens that stand for these.
#pragma once

#include <memory>
#include <span>
#include <vector>

#include "base/result.h"
#include "token/phrase_vocabulary.h"
#include "token/tokenizer.h"

namespace whet {

/// `base` already holds the pieces of the phrases, as its last tokens. Errors (kInvalidModel): the
/// table is not of so many base tokens; a phrase holds a token that is not plain text; a piece does
/// not spell what the phrase's tokens spell.
Result<std::shared_ptr<const Tokenizer>> make_phrase_tokenizer(
    std::shared_ptr<const Tokenizer> base, PhraseVocabulary phrases);

/// The phrases of a tokenizer that has some; else null. Lives as long as the tokenizer.
const PhraseVocabulary* phrases_of(const Tokenizer& tokenizer);

/// How many tokens of the base vocabulary these stand for: as many as they are where the vocabulary
/// has no phrases.
int64_t count_base_tokens(const Tokenizer& tokenizer, std::span<const TokenId> ids);

/// The text of `ids` in two parts, the first of so many base tokens: no phrase stands across.
struct SplitTokens {
  std::vector<TokenId> first, rest;
};
SplitTokens split_tokens(const Tokenizer& tokenizer, std::span<const TokenId> ids, size_t n_base);

}  // namespace whet
