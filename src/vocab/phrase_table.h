// A phrase table on disk: JSON with the phrases of one vocabulary, as ids and as text.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "token/tokenizer.h"
#include "vocab/phrase_miner.h"

namespace whet::vocab {

struct PhraseTable {
  int32_t n_base = 0;       // tokens of the vocabulary that it is for
  std::string fingerprint;  // of that vocabulary: SHA-256 of all pieces, hex
  std::vector<Phrase> phrases;
};

/// Of every piece and its type, in order.
Result<std::string> vocabulary_fingerprint(const Tokenizer& tokenizer);

/// `tokenizer`: for the texts, which are for people.
std::string phrase_table_json(const PhraseTable& table, const Tokenizer& tokenizer);
/// Errors (kInvalidArgument): no such table (names what is wrong), or one for another vocabulary
/// than that of `tokenizer`.
Result<PhraseTable> parse_phrase_table(std::string_view text, const Tokenizer& tokenizer);

}  // namespace whet::vocab
