// Tokenizer patterns are written for Oniguruma (Hugging Face tokenizers); this spells them for
// PCRE2 so that they match the same text. What it cannot carry over it refuses.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"

namespace whet {

/// Errors: constructs whose meaning would change (class intersections, negated classes within
/// classes, `{n,m}+`, `(?m)`), and a pattern that ends in the middle of an escape.
Result<std::string> translate_oniguruma(std::string_view pattern);

}  // namespace whet
