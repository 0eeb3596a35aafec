// The tokenizer that a GGUF file describes by its `tokenizer.ggml.*` keys. Defaults where a key is
// missing are those of llama.cpp, for which these files are written.
#pragma once

#include <memory>
#include <string_view>

#include "base/result.h"
#include "formats/model_file.h"
#include "token/tokenizer.h"

namespace whet {

/// Keys of files that whet wrote, for what tokenizer.ggml.* has no words: the "normalizer" of
/// tokenizer.json, {"added_tokens": [...]} with tokens that do not match everywhere, and all ids
/// that end a generation. Other programs ignore them.
inline constexpr std::string_view kWhetTokenizerPrefix = "tokenizer.whet.";
inline constexpr std::string_view kNormalizerKey = "tokenizer.whet.normalizer";
inline constexpr std::string_view kAddedTokensKey = "tokenizer.whet.added_tokens";
inline constexpr std::string_view kEndsKey = "tokenizer.whet.end_token_ids";
/// Phrases of an adapted vocabulary, its last tokens: the base tokens of all of them, one behind the
/// other, and how many each has.
inline constexpr std::string_view kPhraseTokensKey = "tokenizer.whet.phrase_token_ids";
inline constexpr std::string_view kPhraseLengthsKey = "tokenizer.whet.phrase_lengths";

Result<std::shared_ptr<const Tokenizer>> make_gguf_tokenizer(const ModelFile& file);

}  // namespace whet
