// Do the tokenizer keys of a GGUF file agree with each other? Reads metadata only.
#pragma once

#include "formats/check_finding.h"
#include "formats/model_file.h"

namespace whet {

/// Findings "tokenizer arrays", "token ids", "byte tokens" and "merges"; for a model without
/// tokenizer.ggml.tokens one finding that says so.
CheckFindings check_tokenizer(const ModelFile& model);

/// The byte that "<0xHH>" stands for, with exactly two hex digits; nothing for any other text.
std::optional<uint8_t> byte_of_token(std::string_view token);

}  // namespace whet
