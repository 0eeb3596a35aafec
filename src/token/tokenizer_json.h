// Reads a tokenizer.json of Hugging Face's tokenizers library: model type BPE, byte-level or with
// fallback to byte tokens.
#pragma once

#include <memory>
#include <string_view>

#include "base/result.h"
#include "token/tokenizer.h"
#include "token/tokenizer_config.h"

namespace whet {

/// The post-processor of `json` decides about BOS and EOS; where it has no template, `config` does.
Result<std::shared_ptr<const Tokenizer>> make_json_tokenizer(std::string_view json,
                                                             const TokenizerConfig& config);

}  // namespace whet
