#include "jinja/unicode.h"

#include <string.h>
#include <utf8proc.h>

#include <algorithm>
#include <cstring>

namespace whet::jinja {
namespace {

utf8proc_category_t category(char32_t code_point) {
  return utf8proc_category(static_cast<utf8proc_int32_t>(code_point));
}

/// Whether the eight bytes from `offset` exist and are ASCII.
bool eight_ascii(std::string_view text, size_t offset) {
  uint64_t word = 0;
  if (text.size() - offset < sizeof word) return false;
  std::memcpy(&word, text.data() + offset, sizeof word);
  return (word & 0x8080808080808080u) == 0;
}

/// Offset of the last code point of a text that is not empty.
size_t last_code_point(std::string_view text) {
  size_t start = text.size() - 1;
  while (start > 0 && text.size() - start < 4 && (text[start] & 0xc0) == 0x80) --start;
  return start + decode_at(text, start).n_bytes == text.size() ? start : text.size() - 1;
}

bool is_letter(utf8proc_category_t c) {
  return c >= UTF8PROC_CATEGORY_LU && c <= UTF8PROC_CATEGORY_LO;
}

bool is_line_end(char32_t c) {
  return (c >= 0x0a && c <= 0x0d) || (c >= 0x1c && c <= 0x1e) || c == 0x85 || c == 0x2028 ||
         c == 0x2029;
}

bool is_cased(char32_t c) {
  return is_upper(c) || is_lower(c) || category(c) == UTF8PROC_CATEGORY_LT;
}

/// Appends `code_point` (whose bytes are `bytes`) in upper case; invalid bytes as they are.
void append_upper(std::string& out, char32_t code_point, std::string_view bytes) {
  if (bytes.size() == 1) {
    const char c = bytes[0];
    out += c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
  } else if (code_point == 0xdf) {
    out += "SS";
  } else {
    append_utf8(out,
                static_cast<char32_t>(utf8proc_toupper(static_cast<utf8proc_int32_t>(code_point))));
  }
}

void append_lower(std::string& out, char32_t code_point, std::string_view bytes) {
  if (bytes.size() == 1) {
    const char c = bytes[0];
    out += c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  } else {
    append_utf8(out,
                static_cast<char32_t>(utf8proc_tolower(static_cast<utf8proc_int32_t>(code_point))));
  }
}

void append_title(std::string& out, char32_t code_point, std::string_view bytes) {
  if (bytes.size() == 1) {
    append_upper(out, code_point, bytes);
  } else if (code_point == 0xdf) {
    out += "Ss";
  } else {
    append_utf8(out,
                static_cast<char32_t>(utf8proc_totitle(static_cast<utf8proc_int32_t>(code_point))));
  }
}

}  // namespace

CodePoint decode_at(std::string_view text, size_t offset) {
  const auto* bytes = reinterpret_cast<const utf8proc_uint8_t*>(text.data() + offset);
  if (bytes[0] < 0x80) return {bytes[0], 1};
  utf8proc_int32_t value = 0;
  const auto n =
      utf8proc_iterate(bytes, static_cast<utf8proc_ssize_t>(text.size() - offset), &value);
  if (n <= 0) return {0xdc00u + bytes[0], 1};
  return {static_cast<char32_t>(value), static_cast<size_t>(n)};
}

void append_utf8(std::string& out, char32_t code_point) {
  utf8proc_uint8_t buffer[4];
  const auto n = utf8proc_encode_char(static_cast<utf8proc_int32_t>(code_point), buffer);
  out.append(reinterpret_cast<const char*>(buffer), static_cast<size_t>(n));
}

size_t count_code_points(std::string_view text) {
  size_t n = 0;
  for (size_t i = 0; i < text.size(); ++n) {
    for (; eight_ascii(text, i); i += 8) n += 8;
    if (i == text.size()) break;
    i += decode_at(text, i).n_bytes;
  }
  return n;
}

size_t byte_offset(std::string_view text, size_t index) {
  size_t i = 0;
  for (; index > 0 && i < text.size(); --index) {
    for (; index >= 8 && eight_ascii(text, i); i += 8) index -= 8;
    if (index == 0 || i == text.size()) break;
    i += decode_at(text, i).n_bytes;
  }
  return i;
}

std::vector<std::string_view> split_code_points(std::string_view text) {
  std::vector<std::string_view> pieces;
  for (size_t i = 0; i < text.size();) {
    const size_t n = decode_at(text, i).n_bytes;
    pieces.push_back(text.substr(i, n));
    i += n;
  }
  return pieces;
}

bool is_space(char32_t c) {
  return (c >= 0x09 && c <= 0x0d) || (c >= 0x1c && c <= 0x20) || c == 0x85 || c == 0xa0 ||
         c == 0x1680 || (c >= 0x2000 && c <= 0x200a) || c == 0x2028 || c == 0x2029 || c == 0x202f ||
         c == 0x205f || c == 0x3000;
}

bool is_alphabetic(char32_t c) {
  return is_letter(category(c));
}

bool is_decimal(char32_t c) {
  return category(c) == UTF8PROC_CATEGORY_ND;
}

bool is_alphanumeric(char32_t c) {
  const auto kind = category(c);
  return is_letter(kind) || kind == UTF8PROC_CATEGORY_ND || kind == UTF8PROC_CATEGORY_NL ||
         kind == UTF8PROC_CATEGORY_NO;
}

bool is_upper(char32_t c) {
  return category(c) == UTF8PROC_CATEGORY_LU;
}

bool is_lower(char32_t c) {
  return category(c) == UTF8PROC_CATEGORY_LL || c == 0xaa || c == 0xba;
}

bool is_printable(char32_t c) {
  if (c < 0x7f) return c >= 0x20;
  switch (category(c)) {
    case UTF8PROC_CATEGORY_CC:
    case UTF8PROC_CATEGORY_CF:
    case UTF8PROC_CATEGORY_CS:
    case UTF8PROC_CATEGORY_CO:
    case UTF8PROC_CATEGORY_CN:
    case UTF8PROC_CATEGORY_ZL:
    case UTF8PROC_CATEGORY_ZP:
    case UTF8PROC_CATEGORY_ZS:
      return false;
    default:
      return true;
  }
}

size_t leading_space(std::string_view text) {
  size_t i = 0;
  while (i < text.size()) {
    const auto c = decode_at(text, i);
    if (!is_space(c.value)) break;
    i += c.n_bytes;
  }
  return i;
}

size_t trailing_space(std::string_view text) {
  return text.size() - strip_space(text, false, true).size();
}

std::string_view strip_space(std::string_view text, bool left, bool right) {
  if (left) text.remove_prefix(leading_space(text));
  while (right && !text.empty()) {
    const size_t start = last_code_point(text);
    if (!is_space(decode_at(text, start).value)) break;
    text.remove_suffix(text.size() - start);
  }
  return text;
}

std::string_view strip_chars(std::string_view text, std::string_view chars, bool left, bool right) {
  const auto set = split_code_points(chars);
  auto contains = [&](std::string_view piece) {
    return std::find(set.begin(), set.end(), piece) != set.end();
  };
  while (left && !text.empty()) {
    const auto first = text.substr(0, decode_at(text, 0).n_bytes);
    if (!contains(first)) break;
    text.remove_prefix(first.size());
  }
  while (right && !text.empty()) {
    const auto last = text.substr(last_code_point(text));
    if (!contains(last)) break;
    text.remove_suffix(last.size());
  }
  return text;
}

std::string to_upper(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (size_t i = 0; i < text.size();) {
    const auto c = decode_at(text, i);
    append_upper(out, c.value, text.substr(i, c.n_bytes));
    i += c.n_bytes;
  }
  return out;
}

std::string to_lower(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (size_t i = 0; i < text.size();) {
    const auto c = decode_at(text, i);
    append_lower(out, c.value, text.substr(i, c.n_bytes));
    i += c.n_bytes;
  }
  return out;
}

std::string capitalize(std::string_view text) {
  if (text.empty()) return {};
  const auto first = decode_at(text, 0);
  std::string out;
  append_title(out, first.value, text.substr(0, first.n_bytes));
  return out + to_lower(text.substr(first.n_bytes));
}

std::string to_title(std::string_view text) {
  std::string out;
  bool in_word = false;
  for (size_t i = 0; i < text.size();) {
    const auto c = decode_at(text, i);
    const auto bytes = text.substr(i, c.n_bytes);
    if (in_word) {
      append_lower(out, c.value, bytes);
    } else {
      append_title(out, c.value, bytes);
    }
    in_word = is_cased(c.value);
    i += c.n_bytes;
  }
  return out;
}

std::vector<std::string_view> split_lines(std::string_view text) {
  std::vector<std::string_view> lines;
  size_t start = 0;
  for (size_t i = 0; i < text.size();) {
    const auto c = decode_at(text, i);
    size_t end = i + c.n_bytes;
    if (is_line_end(c.value)) {
      lines.push_back(text.substr(start, i - start));
      if (c.value == '\r' && end < text.size() && text[end] == '\n') ++end;
      start = end;
    }
    i = end;
  }
  if (start < text.size()) lines.push_back(text.substr(start));
  return lines;
}

size_t find_bytes(std::string_view haystack, std::string_view needle, size_t from) {
  if (from > haystack.size()) return std::string_view::npos;
  if (needle.empty()) return from;
  const void* found =
      memmem(haystack.data() + from, haystack.size() - from, needle.data(), needle.size());
  if (found == nullptr) return std::string_view::npos;
  return static_cast<size_t>(static_cast<const char*>(found) - haystack.data());
}

}  // namespace whet::jinja
