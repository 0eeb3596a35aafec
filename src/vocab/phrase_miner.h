// Phrases of a domain: runs of tokens that its texts repeat, chosen so that each saves the most
// tokens of what is left. Source of the idea: Nakash et al., "AdaptiVocab" (2025); here with exact
// counts instead of estimated overlaps, and added to the vocabulary instead of replacing any of it.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "token/tokenizer.h"

namespace whet::vocab {

using Ids = std::vector<TokenId>;

struct MiningOptions {
  size_t n_phrases = 1000;
  size_t most_tokens = 4;   // of a phrase, 2 or more
  int64_t least_count = 4;  // a phrase that stands in fewer places is none, 2 or more
  /// Whether a run may be a phrase; asked of each when it is about to be chosen. None: any may.
  std::function<bool(std::span<const TokenId>)> admits = {};
};

struct Phrase {
  Ids ids;
  /// Places that were left for it when it was chosen: it begins and ends there where tokens of the
  /// text of that moment do, phrases chosen before among them, and is not one of them already.
  int64_t count = 0;
  /// Tokens of that text that it saved there.
  int64_t n_saved = 0;
};

/// At most n_phrases, those that save most first; of equal ones the longer, then the one that comes
/// first by ids. A phrase may hold phrases chosen before it whole: "in the case of" takes the place
/// of "in the" and two more tokens. No phrase crosses the end of a text. Fewer than 2^32 tokens.
std::vector<Phrase> mine_phrases(std::span<const Ids> texts, const MiningOptions& options);

}  // namespace whet::vocab
