// SPM: SentencePiece's BPE. The vocabulary has scores instead of a list of merges; the pair whose
// merged piece scores best goes first. Source: Kudo and Richardson 2018; bpe_model.cc there.
#pragma once

#include <memory>

#include "token/vocabulary_tokenizer.h"

namespace whet {

struct SpmOptions {
  /// A space before the text, so that a word has one spelling at the start and elsewhere.
  bool adds_space_prefix = true;
  /// Spaces at the ends vanish and runs of them become one.
  bool removes_extra_spaces = false;
  /// llama.cpp starts anew, with a space, after each added token; SentencePiece only at the start.
  bool prefixes_after_added_tokens = true;
  /// White space after a control token vanishes (Phi-3).
  bool strips_after_control = false;
};

std::shared_ptr<const Tokenizer> make_spm_tokenizer(Vocabulary vocabulary, SequenceEnds ends,
                                                    SpmOptions options);

}  // namespace whet
