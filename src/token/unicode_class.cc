#include "token/unicode_class.h"

#include <utf8proc.h>

#include "token/recent_characters.h"
#include "token/utf8.h"

namespace whet {

namespace {

// Start of the last character: at most three continuation bytes back.
size_t last_char_start(std::string_view text) {
  size_t start = text.size() - 1;
  while (start > 0 && text.size() - start < 4 && (text[start] & 0xC0) == 0x80) --start;
  return start;
}

}  // namespace

bool is_white_space(char32_t c) {
  return (c >= 0x09 && c <= 0x0D) || c == 0x20 || c == 0x85 || c == 0xA0 || c == 0x1680 ||
         (c >= 0x2000 && c <= 0x200A) || c == 0x2028 || c == 0x2029 || c == 0x202F || c == 0x205F ||
         c == 0x3000;
}

bool is_word_character(char32_t c) {
  switch (utf8proc_category(static_cast<utf8proc_int32_t>(older_likeness(c).value_or(c)))) {
    case UTF8PROC_CATEGORY_LU:
    case UTF8PROC_CATEGORY_LL:
    case UTF8PROC_CATEGORY_LT:
    case UTF8PROC_CATEGORY_LM:
    case UTF8PROC_CATEGORY_LO:
    case UTF8PROC_CATEGORY_MN:
    case UTF8PROC_CATEGORY_MC:
    case UTF8PROC_CATEGORY_ME:
    case UTF8PROC_CATEGORY_ND:
    case UTF8PROC_CATEGORY_NL:
    case UTF8PROC_CATEGORY_PC:
      return true;
    default:
      return c == 0x200C || c == 0x200D;  // Join_Control
  }
}

size_t leading_white_space(std::string_view text) {
  size_t pos = 0;
  while (pos < text.size()) {
    const Utf8Char c = first_utf8_char(text.substr(pos));
    if (c.state != Utf8Char::State::kValid || !is_white_space(c.code_point)) break;
    pos += c.length;
  }
  return pos;
}

size_t trailing_white_space(std::string_view text) {
  size_t end = text.size();
  while (end > 0) {
    const size_t start = last_char_start(text.substr(0, end));
    const Utf8Char c = first_utf8_char(text.substr(start, end - start));
    if (c.state != Utf8Char::State::kValid || !is_white_space(c.code_point)) break;
    end = start;
  }
  return text.size() - end;
}

bool starts_with_word(std::string_view text) {
  if (text.empty()) return false;
  const Utf8Char c = first_utf8_char(text);
  return c.state == Utf8Char::State::kValid && is_word_character(c.code_point);
}

bool ends_with_word(std::string_view text) {
  return !text.empty() && starts_with_word(text.substr(last_char_start(text)));
}

}  // namespace whet
