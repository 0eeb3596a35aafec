// Texts as OpenAI's routes take them: "prompt" of completions, "input" of embeddings.
#pragma once

#include <string>
#include <variant>
#include <vector>

#include "serve/fields.h"

namespace whet::serve {

using TextInput = std::variant<std::string, std::vector<int32_t>>;

/// A string, an array of strings, of token ids, or of arrays of these; at most `n_max`. None, and
/// an error in `fields`, if it is anything else.
std::vector<TextInput> read_inputs(Fields& fields, const std::string& name, size_t n_max);

}  // namespace whet::serve
