// JSON from untrusted files as a document: no exceptions, no repeated keys, capped depth.
#pragma once

#include <nlohmann/json.hpp>
#include <string_view>

#include "base/result.h"

namespace whet {

/// Errors: kInvalidModel for text that is not JSON, nested deeper than kMaxJsonNesting, or with
/// an object that names a key twice.
Result<nlohmann::json> parse_strict_json(std::string_view text);

}  // namespace whet
