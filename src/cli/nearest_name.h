// The known name that a mistyped one probably means.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace whet {

/// The name at the smallest Damerau-Levenshtein distance (adjacent letters may be swapped), if that
/// is at most a third of the word; of equals the first.
std::optional<std::string> nearest_name(std::string_view word,
                                        const std::vector<std::string>& names);

}  // namespace whet
