// Ollama's dialect: NDJSON, options, durations in nanoseconds.
#pragma once

#include "serve/server.h"

namespace whet::serve {

void ollama_chat(Exchange& exchange);
void ollama_generate(Exchange& exchange);
void ollama_tags(Exchange& exchange);
void ollama_show(Exchange& exchange);
void ollama_ps(Exchange& exchange);

}  // namespace whet::serve
