// A tokenizer as the tokenizer.ggml.* keys of a GGUF file.
#pragma once

#include <cstdint>

#include "base/result.h"
#include "quantize/model_description.h"
#include "token/tokenizer.h"

namespace whet {

/// The number of a type in GGUF files and in SentencePiece's own.
int64_t type_number(TokenType type);

/// Adds the keys. GGUF names a pre-tokenizer instead of spelling its patterns: the first known name
/// under which every probing text gets the original's ids is taken.
/// Errors: kInvalidModel where there is none.
Status describe_tokenizer(const LoadedModel& model, Metadata& metadata);

/// Whether both give the same ids to texts on which tokenizers differ, with and without control
/// tokens in them.
bool gives_same_ids(const Tokenizer& original, const Tokenizer& copy);

}  // namespace whet
