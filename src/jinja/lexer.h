// Template source -> tokens. Owns whitespace control, as with trim_blocks and lstrip_blocks on and
// keep_trailing_newline off: a newline after a tag or comment is dropped, as are blanks before it
// on its line; "-" strips all whitespace on its side, "+" keeps it.
#pragma once

#include <string_view>
#include <vector>

#include "base/result.h"
#include "jinja/token.h"

namespace whet::jinja {

/// The last token is kEnd. Errors: kInvalidModel with line and column.
Result<std::vector<Token>> tokenize(std::string_view source);

}  // namespace whet::jinja
