#include "jinja/string_literal.h"

#include <fmt/format.h>

#include "base/invalid_model.h"
#include "jinja/unicode.h"

namespace whet::jinja {
namespace {

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

/// Reads exactly `n` hexadecimal digits at `offset` and moves past them.
Result<char32_t> read_hex(std::string_view body, size_t& offset, int n) {
  char32_t value = 0;
  for (int i = 0; i < n; ++i, ++offset) {
    const int digit = offset < body.size() ? hex_digit(body[offset]) : -1;
    if (digit < 0)
      return invalid_model(fmt::format("expected {} hexadecimal digits in the escape", n));
    value = value * 16 + static_cast<char32_t>(digit);
  }
  return value;
}

bool is_surrogate(char32_t c) {
  return c >= 0xd800 && c <= 0xdfff;
}

/// \uD83D\uDE00 is one code point; a lone surrogate has no UTF-8.
Result<char32_t> join_surrogates(std::string_view body, size_t& offset, char32_t high) {
  if (!is_surrogate(high)) return high;
  if (high < 0xdc00 && body.substr(offset, 2) == "\\u") {
    size_t next = offset + 2;
    WHET_TRY(const char32_t low, read_hex(body, next, 4));
    if (low >= 0xdc00 && low <= 0xdfff) {
      offset = next;
      return 0x10000 + ((high - 0xd800) << 10) + (low - 0xdc00);
    }
  }
  return invalid_model("lone surrogate in a string");
}

}  // namespace

Result<std::string> unescape(std::string_view body) {
  std::string out;
  out.reserve(body.size());
  size_t i = 0;
  while (i < body.size()) {
    if (body[i] != '\\' || i + 1 == body.size()) {
      out += body[i++];
      continue;
    }
    const char escape = body[i + 1];
    i += 2;
    switch (escape) {
      case '\n':
        break;
      case '\\':
      case '\'':
      case '"':
        out += escape;
        break;
      case 'a':
        out += '\a';
        break;
      case 'b':
        out += '\b';
        break;
      case 'f':
        out += '\f';
        break;
      case 'n':
        out += '\n';
        break;
      case 'r':
        out += '\r';
        break;
      case 't':
        out += '\t';
        break;
      case 'v':
        out += '\v';
        break;
      case 'x': {
        WHET_TRY(const char32_t value, read_hex(body, i, 2));
        append_utf8(out, value);
        break;
      }
      case 'u': {
        WHET_TRY(const char32_t high, read_hex(body, i, 4));
        WHET_TRY(const char32_t value, join_surrogates(body, i, high));
        append_utf8(out, value);
        break;
      }
      case 'U': {
        WHET_TRY(const char32_t value, read_hex(body, i, 8));
        if (value > 0x10ffff || is_surrogate(value)) return invalid_model("no such code point");
        append_utf8(out, value);
        break;
      }
      case 'N':
        return invalid_model("\\N{...} escapes are not supported");
      default:
        if (escape >= '0' && escape <= '7') {
          char32_t value = static_cast<char32_t>(escape - '0');
          for (int n = 1; n < 3 && i < body.size() && body[i] >= '0' && body[i] <= '7'; ++n, ++i) {
            value = value * 8 + static_cast<char32_t>(body[i] - '0');
          }
          append_utf8(out, value);
        } else {
          out += '\\';
          out += escape;
        }
    }
  }
  return out;
}

}  // namespace whet::jinja
