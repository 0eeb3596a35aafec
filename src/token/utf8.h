// UTF-8 as text arrives: maybe broken. Overlong forms, surrogates and values past U+10FFFF are
// invalid, as in Unicode's table 3-7.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace whet {

// An array, whose address is one in the whole program: clang with AddressSanitizer took the begin of
// a literal from one translation unit and its end from another, and a loop over it did not end.
inline constexpr char kReplacementBytes[] = "\xEF\xBF\xBD";
inline constexpr std::string_view kReplacementCharacter = kReplacementBytes;  // U+FFFD

struct Utf8Char {
  enum class State { kValid, kInvalid, kIncomplete };
  State state;
  /// kValid: bytes of the code point. kInvalid: bytes that one U+FFFD replaces (the longest prefix
  /// of a valid sequence, at least 1). kIncomplete: all bytes, a prefix of a valid sequence.
  size_t length;
  char32_t code_point;  // only for kValid
};

/// The first character of a text that is not empty.
Utf8Char first_utf8_char(std::string_view text);

/// Bytes at the start of `text` that are valid; text.size() if all are.
size_t valid_utf8_prefix(std::string_view text);

void append_utf8(std::string& out, char32_t code_point);

/// `text` with every invalid or truncated sequence replaced by U+FFFD.
std::string replace_invalid_utf8(std::string_view text);

}  // namespace whet
