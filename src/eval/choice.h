// Multiple choice: the letter that a text chooses.
#pragma once

#include <optional>
#include <string_view>

namespace whet::eval {

inline constexpr char kLastChoice = 'J';

/// Whether `key` is one capital letter from A to J: the key of a multiple-choice task.
bool is_choice_key(std::string_view key);

/// The letter that `value` is: "B", "(B)", "B)", "B. Paris", "**B**", "option B", "\text{B}".
/// Nothing for a word ("A dog"), for two letters ("A or B") or for none.
std::optional<char> read_choice(std::string_view value);

/// The letter of a text without marks: its first or last line, if that is a choice; else the only
/// letter that it names as "(B)" or "option B". Nothing if two of these differ.
std::optional<char> read_unmarked_choice(std::string_view text);

}  // namespace whet::eval
