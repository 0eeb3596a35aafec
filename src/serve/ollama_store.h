// Ollama's routes that change what there is: fetching models and deleting them.
#pragma once

#include <string>

#include "serve/server.h"

namespace whet::serve {

/// "model", or as older clients say "name": Ollama's own sends both, and one of them empty. Neither
/// is an error in `fields`.
std::string model_field(Fields& fields);

void ollama_pull(Exchange& exchange);
void ollama_delete(Exchange& exchange);

}  // namespace whet::serve
