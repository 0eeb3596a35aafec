// Schemas that must hold together, as one schema or several alternatives without allOf, anyOf,
// oneOf and references beside other keywords.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "grammar/json_text.h"

namespace whet::grammar {

/// A schema whose constraints are types, bounds and parts only: its members may be any schemas.
/// Errors: unsupported keywords, keywords that cannot be merged, more than some hundred
/// alternatives, references without end. An empty list: no value can satisfy all of it.
Result<std::vector<Json>> flatten(const Json& root, const Json& schema, const std::string& pointer);

}  // namespace whet::grammar
