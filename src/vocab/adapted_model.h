// Writes a copy of a GGUF model whose vocabulary has phrases behind the base tokens: a row of the
// embedding and of the head for each, and the keys that say which tokens it stands for.
#pragma once

#include <cstdint>
#include <string>

#include "base/result.h"
#include "load/loaded_model.h"
#include "token/phrase_vocabulary.h"

namespace whet::vocab {

/// How a row begins, from the rows of its phrase's tokens.
enum class PhraseRows {
  /// Their mean. A tied model stays tied.
  kMean,
  /// Weights that grow e^2-fold from token to token in the embedding, so that the last one counts
  /// most, and fall likewise in the head. A tied model gets a head of its own.
  kExponential,
};

struct AdaptedModel {
  int32_t n_tokens = 0;      // of the vocabulary, with phrases
  uint64_t added_bytes = 0;  // of weights
  bool untied = false;       // the head was the embedding and no longer is
};

/// Base rows are copied bit by bit. Another program that ignores whet's keys reads text as the base
/// tokens and writes phrases as their pieces: the same text, in more tokens.
/// Errors: a model that is no GGUF file, is split, has phrases already, or has a vocabulary that is
/// not byte-level BPE; a phrase whose piece is a token already; a type that cannot be written; the
/// operating system refused.
Result<AdaptedModel> write_adapted_model(const LoadedModel& model, const PhraseVocabulary& phrases,
                                         PhraseRows rows, const std::string& path);

}  // namespace whet::vocab
