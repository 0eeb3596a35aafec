// The routes of llama-server that its clients use: /completion, /tokenize, /detokenize,
// /apply-template, /props, /slots.
#pragma once

#include "serve/server.h"

namespace whet::serve {

void llama_completion(Exchange& exchange);
void llama_tokenize(Exchange& exchange);
void llama_detokenize(Exchange& exchange);
void llama_apply_template(Exchange& exchange);
void llama_props(Exchange& exchange);
void llama_slots(Exchange& exchange);

}  // namespace whet::serve
