// Classes and case of ASCII bytes, whatever the locale says. Bytes of other characters belong to none.
#pragma once

#include <string>
#include <string_view>

namespace whet {

/// What isspace() of the C locale says yes to.
inline constexpr std::string_view kAsciiSpace = " \t\r\n\f\v";

inline bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

inline bool is_letter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

inline bool is_letter_or_digit(char c) {
  return is_letter(c) || is_digit(c);
}

/// What names in programs consist of: letters, digits, underscores.
inline bool is_word_byte(char c) {
  return is_letter_or_digit(c) || c == '_';
}

inline std::string lowered(std::string_view text) {
  std::string out(text);
  for (char& c : out) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return out;
}

}  // namespace whet
