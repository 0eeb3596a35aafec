// The piece of a phrase: what a vocabulary file spells it as, and which runs can have one.
#pragma once

#include <functional>
#include <span>
#include <string>

#include "token/tokenizer.h"

namespace whet::vocab {

/// The pieces of its tokens, one behind the other.
std::string phrase_piece(const Tokenizer& base, std::span<const TokenId> phrase);

/// For MiningOptions: admits runs of plain text tokens whose piece is no token yet, was not
/// admitted before (two runs may spell the same), and is no text that readers of model files take
/// for a control token. Keeps a reference to the tokenizer.
std::function<bool(std::span<const TokenId>)> admit_new_pieces(const Tokenizer& base);

}  // namespace whet::vocab
