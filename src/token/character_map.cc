#include "token/character_map.h"

#include <fmt/format.h>
#include <utf8proc.h>

#include <cstring>

#include "base/invalid_model.h"
#include "token/utf8.h"

namespace whet {

namespace {

// Graphemes of so many bytes or more are normalized character by character.
constexpr size_t kLongGrapheme = 6;

// Of a unit of the double array.
uint32_t offset_of(uint32_t unit) {
  return (unit >> 10) << ((unit & (1u << 9)) >> 6);
}
uint32_t label_of(uint32_t unit) {
  return unit & ((1u << 31) | 0xFFu);
}
bool has_leaf(uint32_t unit) {
  return (unit >> 8 & 1) == 1;
}

/// Bytes of the first grapheme.
size_t grapheme_length(std::string_view text) {
  utf8proc_int32_t state = 0;
  Utf8Char before = first_utf8_char(text);
  size_t length = before.length;
  while (length < text.size()) {
    const Utf8Char next = first_utf8_char(text.substr(length));
    if (utf8proc_grapheme_break_stateful(static_cast<utf8proc_int32_t>(before.code_point),
                                         static_cast<utf8proc_int32_t>(next.code_point), &state)) {
      break;
    }
    before = next;
    length += next.length;
  }
  return length;
}

}  // namespace

Result<CharacterMap> CharacterMap::parse(std::string data) {
  uint32_t size = 0;
  if (data.size() < sizeof(size))
    return invalid_model("precompiled normalization: expected 4 bytes");
  std::memcpy(&size, data.data(), sizeof(size));
  if (size % sizeof(uint32_t) != 0 || size == 0 || size > data.size() - sizeof(size)) {
    return invalid_model(
        fmt::format("precompiled normalization: expected a trie of at most {} bytes, "
                    "found one of {}",
                    data.size() - sizeof(size), size));
  }
  CharacterMap map;
  map.units_.resize(size / sizeof(uint32_t));
  std::memcpy(map.units_.data(), data.data() + sizeof(size), size);
  map.replacements_ = data.substr(sizeof(size) + size);
  if (map.replacements_.empty() || map.replacements_.back() != '\0') {
    return invalid_model("precompiled normalization: the last replacement has no end");
  }
  return map;
}

const char* CharacterMap::find(std::string_view text) const {
  size_t at = offset_of(units_[0]);
  for (const char c : text) {
    const auto byte = static_cast<uint8_t>(c);
    if (byte == 0) return nullptr;
    at ^= byte;
    if (at >= units_.size() || label_of(units_[at]) != byte) return nullptr;
    const uint32_t unit = units_[at];
    at ^= offset_of(unit);
    if (!has_leaf(unit)) continue;
    if (at >= units_.size()) return nullptr;
    const uint32_t begin = units_[at] & 0x7FFFFFFFu;
    return begin < replacements_.size() ? replacements_.data() + begin : nullptr;
  }
  return nullptr;
}

std::string CharacterMap::apply(std::string_view text) const {
  std::string out;
  out.reserve(text.size());
  while (!text.empty()) {
    std::string_view grapheme = text.substr(0, grapheme_length(text));
    text.remove_prefix(grapheme.size());
    const char* whole = grapheme.size() < kLongGrapheme ? find(grapheme) : nullptr;
    if (whole != nullptr) {
      out += whole;
      continue;
    }
    while (!grapheme.empty()) {
      const std::string_view character = grapheme.substr(0, first_utf8_char(grapheme).length);
      const char* replacement = find(character);
      if (replacement != nullptr) {
        out += replacement;
      } else {
        out += character;
      }
      grapheme.remove_prefix(character.size());
    }
  }
  return out;
}

Result<std::string> decode_base64(std::string_view text) {
  constexpr std::string_view kDigits =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string out;
  uint32_t bits = 0;
  int n_bits = 0;
  while (text.ends_with('=')) text.remove_suffix(1);
  for (const char c : text) {
    const size_t digit = kDigits.find(c);
    if (digit == kDigits.npos) return invalid_model("base64: expected letters, digits, + and /");
    bits = bits << 6 | static_cast<uint32_t>(digit);
    n_bits += 6;
    if (n_bits < 8) continue;
    n_bits -= 8;
    out += static_cast<char>(bits >> n_bits & 0xFF);
  }
  return out;
}

}  // namespace whet
