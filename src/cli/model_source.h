// Where a model named on the command line lies: a path, or a name of Hugging Face's cache or
// Ollama's store.
#pragma once

#include <memory>
#include <string>

#include "base/result.h"
#include "load/loaded_model.h"
#include "token/tokenizer.h"

namespace whet {

/// The path to open. What exists as a path is one; "hf:USER/REPO[:QUANT]", "ollama:NAME[:TAG]", and
/// NAME[:TAG] where Ollama's store has it, are looked up; anything else is left as it is.
/// Errors (kNotFound): a name that is not on this machine: says how to get it.
Result<std::string> model_path(const std::string& model);

/// The model behind a name, and only its tokenizer. Errors: those of model_path() and of loading,
/// which name the model.
Result<LoadedModel> load_named_model(const std::string& model);
Result<std::shared_ptr<const Tokenizer>> load_named_tokenizer(const std::string& model);

}  // namespace whet
