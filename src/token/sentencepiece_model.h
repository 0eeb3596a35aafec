// Reads a SentencePiece tokenizer.model: the protobuf wire format, and of its messages only what a
// BPE tokenizer needs. Source: sentencepiece_model.proto; protobuf encoding specification.
#pragma once

#include <memory>
#include <string_view>

#include "base/result.h"
#include "token/tokenizer.h"
#include "token/tokenizer_config.h"

namespace whet {

/// Errors: bytes that are no such message; a unigram, word or character model; a normalizer other
/// than identity, since its table of characters is not read.
Result<std::shared_ptr<const Tokenizer>> make_sentencepiece_tokenizer(
    std::string_view bytes, const TokenizerConfig& config);

}  // namespace whet
