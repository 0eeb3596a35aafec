// Texts of a domain, as what phrases are mined in: base tokens, cut where no phrase may cross.
#pragma once

#include <string_view>
#include <vector>

#include "base/result.h"
#include "token/tokenizer.h"
#include "vocab/phrase_miner.h"

namespace whet::vocab {

struct Corpus {
  /// Up to and with the token that ends a line, or up to a control token; none is empty.
  std::vector<Ids> lines;
  int64_t n_tokens = 0;  // of all texts, what was cut out included
  uint64_t n_bytes = 0;
};

/// Adds a text. Control tokens that it spells are plain text. Errors: those of the tokenizer.
Status add_text(Corpus& corpus, std::string_view text, const Tokenizer& tokenizer);

}  // namespace whet::vocab
