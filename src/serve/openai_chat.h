// POST /v1/chat/completions.
#pragma once

#include "serve/server.h"

namespace whet::serve {

void chat_completions(Exchange& exchange);

/// OpenAI's form of a list of scored tokens: {"content": [...]}.
Json chat_logprobs(std::span<const TokenInfo> tokens);

}  // namespace whet::serve
