// Text into HTML and SVG.
#pragma once

#include <string>
#include <string_view>

namespace whet::report {

/// Safe as element content and inside a double- or single-quoted attribute. Control characters
/// except newline and tab become spaces.
std::string escape_html(std::string_view text);

}  // namespace whet::report
