// Classes of code points that tokenizers ask for, as Rust's and Oniguruma's Unicode tables have
// them (PCRE2's own \s and \w differ in a few places).
#pragma once

#include <string_view>

namespace whet {

/// Unicode's White_Space.
bool is_white_space(char32_t code_point);
/// Letters, marks, decimal digits, connectors: \w.
bool is_word_character(char32_t code_point);

/// Byte length of the white space at the start or the end of a text.
size_t leading_white_space(std::string_view text);
size_t trailing_white_space(std::string_view text);

/// Whether the text starts or ends with a word character.
bool starts_with_word(std::string_view text);
bool ends_with_word(std::string_view text);

}  // namespace whet
