// The key-value section of a GGUF file. Invariant: an array or string is copied only after its
// whole encoding is known to lie in the file and to fit the budget for decoded values.
#pragma once

#include <map>
#include <string>
#include <string_view>

#include "base/result.h"
#include "formats/byte_cursor.h"
#include "formats/model_file.h"

namespace whet {

/// Reads `n_key_values` pairs into `metadata`. Errors: empty, over-long or repeated keys, unknown
/// types, nested arrays, booleans that are not 0 or 1, lengths beyond the file or the budget.
Status read_gguf_metadata(ByteCursor& cursor, uint64_t n_key_values,
                          std::map<std::string, MetaValue, std::less<>>& metadata);

/// "u32", "string", "array" and so on; "unknown type" for a number that GGUF has not assigned.
std::string_view meta_type_name(MetaType type);

}  // namespace whet
