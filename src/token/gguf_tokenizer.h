// The tokenizer that a GGUF file describes by its `tokenizer.ggml.*` keys. Defaults where a key is
// missing are those of llama.cpp, for which these files are written.
#pragma once

#include <memory>

#include "base/result.h"
#include "formats/model_file.h"
#include "token/tokenizer.h"

namespace whet {

Result<std::shared_ptr<const Tokenizer>> make_gguf_tokenizer(const ModelFile& file);

}  // namespace whet
