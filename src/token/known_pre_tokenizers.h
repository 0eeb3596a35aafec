// The pre-tokenizers that a GGUF file names by `tokenizer.ggml.pre`.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "token/pre_tokenizer.h"

namespace whet {

/// Words that "'s", letters, digits, other characters and white space form, each with one space
/// before it: what ByteLevel does unless told otherwise.
extern const std::string_view kGpt2Pattern;

struct KnownPreTokenizer {
  PreTokenizer pre_tokenizer;
  /// A word that is in the vocabulary is one token, whatever the merges say.
  bool ignores_merges;
  /// BOS is added unless the metadata says otherwise.
  bool adds_bos;
};

std::vector<std::string_view> known_pre_tokenizer_names();

/// The patterns of its steps, each of which cuts out what matches. Errors: as find_pre_tokenizer().
Result<std::vector<std::string_view>> pre_tokenizer_patterns(std::string_view name);

/// Errors: an unknown name; the message lists the known ones.
Result<KnownPreTokenizer> find_pre_tokenizer(std::string_view name);

}  // namespace whet
