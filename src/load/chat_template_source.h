// Where a model keeps its own chat template: one rule for all homes.
#pragma once

#include <string>

#include "base/result.h"
#include "formats/model_file.h"

namespace whet {

/// The source; empty where the model has none. GGUF: "tokenizer.chat_template". Hugging Face: the
/// first of chat_template.jinja, "chat_template" of tokenizer_config.json and of
/// chat_template.json that holds one: a text, or named texts of which "default" is the plain one.
/// Errors: a home that holds something else.
Result<std::string> chat_template_source(const ModelFile& file);

}  // namespace whet
