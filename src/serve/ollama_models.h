// Ollama's records of models: those there are, one in full, those in memory.
#pragma once

#include "serve/server.h"

namespace whet::serve {

void ollama_tags(Exchange& exchange);
void ollama_show(Exchange& exchange);
void ollama_ps(Exchange& exchange);

}  // namespace whet::serve
