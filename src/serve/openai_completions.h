// POST /v1/completions: raw prompts in all four forms, echo, legacy log-probabilities.
#pragma once

#include "serve/server.h"

namespace whet::serve {

void completions(Exchange& exchange);

}  // namespace whet::serve
