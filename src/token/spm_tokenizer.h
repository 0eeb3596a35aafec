// SPM: SentencePiece's BPE. The vocabulary has scores instead of a list of merges; the pair whose
// merged piece scores best goes first. Source: Kudo and Richardson 2018; bpe_model.cc there.
#pragma once

#include <memory>
#include <vector>

#include "token/added_token_matcher.h"
#include "token/vocabulary_tokenizer.h"

namespace whet {

struct SpmOptions {
  /// A space before the text, so that a word has one spelling at the start and elsewhere.
  bool adds_space_prefix = true;
  /// Spaces at the ends vanish and runs of them become one.
  bool removes_extra_spaces = false;
  /// User-defined tokens are part of the text around them (SentencePiece). Otherwise the text after
  /// one starts anew, with a space (llama.cpp), as it always does after a control token.
  bool user_defined_are_text = false;
  /// As transformers: a stretch that starts with a space gets no prefix, and one that follows a
  /// token only where that starts anew.
  bool prefix_where_missing = false;
  bool tokens_start_anew = true;
  /// White space after a control token vanishes (Phi-3).
  bool strips_after_control = false;
};

/// `added`: tokens that are no part of the SentencePiece model, with what decides where they match;
/// the vocabulary has them as control or user-defined tokens, and text after one starts anew.
std::shared_ptr<const Tokenizer> make_spm_tokenizer(Vocabulary vocabulary, SequenceEnds ends,
                                                    SpmOptions options,
                                                    std::vector<AddedToken> added = {});

}  // namespace whet
