// A text file whose lines are proposed where an answer begins to repeat one.
#pragma once

#include <string>

#include "base/result.h"
#include "draft/token_index.h"
#include "token/tokenizer.h"

namespace whet {

/// Empty without a path. Errors: a file that cannot be read, is larger than 16 MiB or is not text.
Result<TokenIndex> read_phrase_file(const std::string& path, const Tokenizer& tokenizer);

}  // namespace whet
