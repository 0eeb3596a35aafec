// The one place that decides which tokenizer a model on disk has.
#pragma once

#include <memory>

#include "base/result.h"
#include "formats/model_file.h"
#include "token/tokenizer.h"

namespace whet {

/// GGUF: from the file's metadata. A directory with SafeTensors: from tokenizer.json, else from
/// tokenizer.model, with the ids that the configuration files name.
Result<std::shared_ptr<const Tokenizer>> make_tokenizer(const ModelFile& file);

}  // namespace whet
