// Ollama's routes that change what there is: fetching models and deleting them.
#pragma once

#include "serve/server.h"

namespace whet::serve {

void ollama_pull(Exchange& exchange);
void ollama_delete(Exchange& exchange);

}  // namespace whet::serve
