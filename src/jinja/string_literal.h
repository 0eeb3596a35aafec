// The value of a quoted string in a template: Python's backslash escapes.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"

namespace whet::jinja {

/// `body` is the text between the quotes. An unknown escape keeps its backslash.
/// Errors: a truncated \x, \u or \U; \N{...}; a code point that UTF-8 cannot hold.
Result<std::string> unescape(std::string_view body);

}  // namespace whet::jinja
