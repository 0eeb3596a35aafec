// Python's view of text on UTF-8 bytes: code points, whitespace, case, lines. A byte that is not
// valid UTF-8 counts as one code point and passes through unchanged.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace whet::jinja {

struct CodePoint {
  char32_t value;  // 0xDC80 + low bits for an invalid byte, as Python's "surrogateescape"
  size_t n_bytes;  // >= 1
};

/// Decodes the code point at `offset` < text.size().
CodePoint decode_at(std::string_view text, size_t offset);
void append_utf8(std::string& out, char32_t code_point);

size_t count_code_points(std::string_view text);
/// Byte offset of the `index`-th code point; text.size() where the text is shorter.
size_t byte_offset(std::string_view text, size_t index);
std::vector<std::string_view> split_code_points(std::string_view text);

/// str.isspace() of one character.
bool is_space(char32_t code_point);
bool is_alphanumeric(char32_t code_point);
bool is_alphabetic(char32_t code_point);
bool is_decimal(char32_t code_point);
bool is_upper(char32_t code_point);
bool is_lower(char32_t code_point);
/// Whether repr() shows the character itself.
bool is_printable(char32_t code_point);

/// Bytes of leading and of trailing whitespace (the whole text counts as leading).
size_t leading_space(std::string_view text);
size_t trailing_space(std::string_view text);
/// Text without leading/trailing code points that are in `chars`.
std::string_view strip_chars(std::string_view text, std::string_view chars, bool left, bool right);
std::string_view strip_space(std::string_view text, bool left, bool right);

std::string to_upper(std::string_view text);
std::string to_lower(std::string_view text);
/// First character in upper case, the rest in lower case.
std::string capitalize(std::string_view text);
/// str.title(): a cased letter after an uncased character starts a word.
std::string to_title(std::string_view text);

/// str.splitlines(): without the line ends.
std::vector<std::string_view> split_lines(std::string_view text);

/// First occurrence at or after `from` in linear time; npos if there is none.
size_t find_bytes(std::string_view haystack, std::string_view needle, size_t from = 0);

}  // namespace whet::jinja
