// The "normalizer" and "pre_tokenizer" of a tokenizer.json, as steps. What is not known is refused
// by name, since a tokenizer that is nearly right gives nearly right ids.
#pragma once

#include <nlohmann/json.hpp>
#include <vector>

#include "base/result.h"
#include "token/normalizer.h"
#include "token/pre_tokenizer.h"

namespace whet {

/// Both accept nullptr (none).
Result<std::vector<NormalizerStep>> read_normalizer(const nlohmann::json* node);

struct JsonPreTokenizer {
  std::vector<PreTokenizerStep> steps;
  /// The words are spelled in GPT-2's byte alphabet.
  bool byte_level = false;
  bool spelled = false;  // a step spells bytes so already, for others behind ByteLevel
};

Result<JsonPreTokenizer> read_pre_tokenizer(const nlohmann::json* node);

}  // namespace whet
