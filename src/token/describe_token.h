// One line about a token, for people: "  1234 -> ' the'".
#pragma once

#include <string>

#include "token/tokenizer.h"

namespace whet {

/// Control characters and bytes that are not UTF-8 appear as \n, \t, \xHH, so that a vocabulary
/// cannot write escape sequences to a terminal. `id` must be in [0, vocab_size).
std::string describe_token(const Tokenizer& tokenizer, TokenId id);

}  // namespace whet
