#include "formats/untrusted_text.h"

#include <fmt/format.h>

#include <cstdint>
#include <iterator>

namespace whet {
namespace {

// Length of the valid sequence at the start of `text`, 0 where there is none.
// Source: Unicode standard, table 3-7 "Well-Formed UTF-8 Byte Sequences".
size_t sequence_length(std::string_view text) {
  auto byte = [&](size_t i) { return static_cast<uint8_t>(text[i]); };
  auto is_tail = [&](size_t i) { return i < text.size() && (byte(i) & 0xC0) == 0x80; };
  uint8_t first = byte(0);
  if (first < 0x80) return 1;
  if (first < 0xC2 || first > 0xF4 || !is_tail(1)) return 0;
  if (first < 0xE0) return 2;
  if (first < 0xF0) {
    bool overlong = first == 0xE0 && byte(1) < 0xA0;
    bool surrogate = first == 0xED && byte(1) > 0x9F;
    return overlong || surrogate || !is_tail(2) ? 0 : 3;
  }
  bool overlong = first == 0xF0 && byte(1) < 0x90;
  bool too_large = first == 0xF4 && byte(1) > 0x8F;
  return overlong || too_large || !is_tail(2) || !is_tail(3) ? 0 : 4;
}

}  // namespace

std::optional<size_t> find_invalid_utf8(std::string_view text) {
  for (size_t i = 0; i < text.size();) {
    size_t n = sequence_length(text.substr(i));
    if (n == 0) return i;
    i += n;
  }
  return std::nullopt;
}

std::string quote_untrusted(std::string_view text) {
  constexpr size_t kShownBytes = 96;
  std::string shown = "\"";
  for (char c : text.substr(0, kShownBytes)) {
    if (c == '"' || c == '\\') {
      shown += '\\';
      shown += c;
    } else if (c >= 0x20 && c < 0x7F) {
      shown += c;
    } else {
      fmt::format_to(std::back_inserter(shown), "\\x{:02x}", static_cast<uint8_t>(c));
    }
  }
  shown += '"';
  if (text.size() > kShownBytes) shown += fmt::format("... ({} bytes)", text.size());
  return shown;
}

}  // namespace whet
