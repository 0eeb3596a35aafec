// The routes of llama-server that its clients use: /completion, /tokenize, /detokenize,
// /apply-template, /props, /slots.
#pragma once

#include <memory>
#include <string>

#include "serve/server.h"

namespace whet::serve {

/// The model that a request names, or the first; null and the exchange failed if there is none.
std::shared_ptr<ServedModel> model_or_first(Exchange& exchange, const std::string& name);

void llama_completion(Exchange& exchange);
void llama_tokenize(Exchange& exchange);
void llama_detokenize(Exchange& exchange);
void llama_apply_template(Exchange& exchange);
void llama_count_chat(Exchange& exchange);
void llama_props(Exchange& exchange);
void llama_slots(Exchange& exchange);

}  // namespace whet::serve
