// ModelFile -> ModelConfig: the keys of GGUF metadata and of Hugging Face's config.json.
#pragma once

#include "base/result.h"
#include "formats/model_file.h"
#include "model/model_config.h"

namespace whet {

/// Errors: an architecture that whet does not run, a missing or senseless value; names the key.
Result<ModelConfig> read_model_config(const ModelFile& file);

}  // namespace whet
