// Numbers written as English words: "twelve", "minus three", "two hundred and five".
#pragma once

#include <optional>
#include <string_view>

#include "eval/number.h"

namespace whet::eval {

/// The integer below 10^12 that `text` spells, alone or with at most two words of unit behind it
/// ("twelve dollars"). Nothing if other words stand before, between or behind.
std::optional<Number> parse_number_words(std::string_view text);

}  // namespace whet::eval
