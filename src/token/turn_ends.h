// Which tokens end a turn. Metadata names one of them; the others are known by their text, which
// is what llama.cpp does too (its token list, July 2026).
#pragma once

#include <string>
#include <vector>

#include "token/tokenizer.h"

namespace whet {

/// Makes control tokens of the pieces that are always meant as such, and user-defined (so: shown)
/// tokens of the few control tokens that carry content.
void correct_types_from_text(const std::vector<std::string>& pieces, std::vector<TokenType>& types);

/// `declared` and the known texts among control and user-defined tokens; ascending, distinct.
std::vector<TokenId> collect_turn_ends(const std::vector<std::string>& pieces,
                                       const std::vector<TokenType>& types,
                                       std::vector<TokenId> declared);

}  // namespace whet
