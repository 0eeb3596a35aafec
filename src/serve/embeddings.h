// Embeddings in the three dialects: POST /v1/embeddings, /api/embed and /api/embeddings,
// /embedding.
#pragma once

#include "serve/server.h"

namespace whet::serve {

void openai_embeddings(Exchange& exchange);
void ollama_embed(Exchange& exchange);
void ollama_embeddings(Exchange& exchange);
void llama_embedding(Exchange& exchange);

}  // namespace whet::serve
