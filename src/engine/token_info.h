// Log-probabilities of ids, as the door reports them.
#pragma once

#include "decode/sampler.h"
#include "generator/events.h"
#include "token/tokenizer.h"

namespace whet {

TokenInfo token_info(const Tokenizer& tokenizer, const TokenLogprob& scored);

}  // namespace whet
