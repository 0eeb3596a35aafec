// A tokenizer with scores as a tokenizer.model: the protobuf message of sentencepiece_model.proto.
#pragma once

#include <optional>
#include <string>

#include "base/result.h"
#include "token/tokenizer.h"

namespace whet {

struct SentencePieceRules {
  bool adds_space_prefix = true;
  bool removes_extra_spaces = false;
  /// Where no token has the type: GGUF may say it in a key alone.
  std::optional<TokenId> unknown = std::nullopt;
};

/// The message, of a model of type BPE without a table of characters. Errors: no unknown token,
/// without which SentencePiece does not load a model.
Result<std::string> describe_sentencepiece(const Tokenizer& tokenizer,
                                           const SentencePieceRules& rules);

}  // namespace whet
