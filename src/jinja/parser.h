// Template source -> Body.
#pragma once

#include <string_view>

#include "base/result.h"
#include "jinja/ast.h"

namespace whet::jinja {

/// Longer sources are refused; the longest chat template known has some 20 KB.
inline constexpr size_t kMaxSourceBytes = 1u << 20;

/// Errors: kInvalidModel with line, column and what was expected.
Result<Body> parse(std::string_view source);

}  // namespace whet::jinja
