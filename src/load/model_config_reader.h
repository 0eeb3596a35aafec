// ModelFile -> ModelConfig: the keys of GGUF metadata and of Hugging Face's config.json.
#pragma once

#include <string>

#include "base/result.h"
#include "formats/model_file.h"
#include "load/config_reader.h"
#include "model/model_config.h"

namespace whet {

/// Errors: an architecture that whet does not run, a missing or senseless value, a word that would
/// change the arithmetic and that whet does not know; names the word.
Result<ModelConfig> read_model_config(const ModelFile& file);

/// The configuration of a Hugging Face model as GGUF keys. Errors: GGUF cannot say it.
Result<Metadata> describe_config(const ModelFile& file);

}  // namespace whet
