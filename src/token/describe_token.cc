#include "token/describe_token.h"

#include <fmt/format.h>

#include "token/utf8.h"

namespace whet {

namespace {

bool is_shown_as_is(const Utf8Char& c) {
  if (c.state != Utf8Char::State::kValid || c.code_point < 0x20) return false;
  return c.code_point < 0x7F || c.code_point >= 0xA0;
}

}  // namespace

std::string describe_token(const Tokenizer& tokenizer, TokenId id) {
  const std::string bytes = tokenizer.token_bytes(id, /*render_special=*/true);
  std::string shown;
  for (std::string_view rest = bytes; !rest.empty();) {
    const Utf8Char c = first_utf8_char(rest);
    for (char byte : rest.substr(0, c.length)) {
      if (is_shown_as_is(c)) {
        shown += byte;
      } else if (byte == '\n') {
        shown += "\\n";
      } else if (byte == '\t') {
        shown += "\\t";
      } else {
        shown += fmt::format("\\x{:02x}", static_cast<unsigned char>(byte));
      }
    }
    rest.remove_prefix(c.length);
  }
  return fmt::format("{:6} -> '{}'", id, shown);
}

}  // namespace whet
