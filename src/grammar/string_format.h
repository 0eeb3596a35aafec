// The values of the keyword "format" that a schema may name, as patterns.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace whet::grammar {

/// A regular expression for the whole string; none if the format is not supported.
std::optional<std::string> format_pattern(std::string_view format);

const std::vector<std::string>& supported_formats();

}  // namespace whet::grammar
