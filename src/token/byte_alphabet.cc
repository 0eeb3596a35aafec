#include "token/byte_alphabet.h"

#include <array>

#include "token/utf8.h"

namespace whet {

namespace {

// Printable Latin-1 stands for itself; the other 68 bytes take U+0100 and up, in order.
constexpr bool is_printable(unsigned byte) {
  return (byte >= 0x21 && byte <= 0x7E) || (byte >= 0xA1 && byte <= 0xAC) || byte >= 0xAE;
}

constexpr char32_t kShiftedBase = 0x100;
constexpr size_t kShiftedCount = 68;

struct Alphabet {
  std::array<std::string, 256> letters;
  std::array<uint8_t, kShiftedCount> shifted;  // byte of U+0100 + i

  Alphabet() {
    size_t n_shifted = 0;
    for (unsigned byte = 0; byte < 256; ++byte) {
      char32_t code_point = byte;
      if (!is_printable(byte)) {
        shifted[n_shifted] = static_cast<uint8_t>(byte);
        code_point = kShiftedBase + static_cast<char32_t>(n_shifted++);
      }
      append_utf8(letters[byte], code_point);
    }
  }
};

const Alphabet& alphabet() {
  static const Alphabet instance;
  return instance;
}

std::optional<uint8_t> hex_digit(char c) {
  if (c >= '0' && c <= '9') return static_cast<uint8_t>(c - '0');
  if (c >= 'A' && c <= 'F') return static_cast<uint8_t>(c - 'A' + 10);
  if (c >= 'a' && c <= 'f') return static_cast<uint8_t>(c - 'a' + 10);
  return std::nullopt;
}

}  // namespace

std::string_view byte_to_letter(uint8_t byte) {
  return alphabet().letters[byte];
}

std::string bytes_to_letters(std::string_view bytes) {
  std::string letters;
  letters.reserve(bytes.size() * 2);
  for (char byte : bytes) letters += byte_to_letter(static_cast<uint8_t>(byte));
  return letters;
}

std::optional<std::string> letters_to_bytes(std::string_view letters) {
  std::string bytes;
  bytes.reserve(letters.size());
  while (!letters.empty()) {
    const Utf8Char c = first_utf8_char(letters);
    if (c.state != Utf8Char::State::kValid) return std::nullopt;
    if (c.code_point < 0x100 && is_printable(c.code_point)) {
      bytes.push_back(static_cast<char>(c.code_point));
    } else if (c.code_point >= kShiftedBase && c.code_point < kShiftedBase + kShiftedCount) {
      bytes.push_back(static_cast<char>(alphabet().shifted[c.code_point - kShiftedBase]));
    } else {
      return std::nullopt;
    }
    letters.remove_prefix(c.length);
  }
  return bytes;
}

std::optional<uint8_t> parse_byte_piece(std::string_view piece) {
  if (piece.size() != 6 || !piece.starts_with("<0x") || piece.back() != '>') return std::nullopt;
  const auto high = hex_digit(piece[3]);
  const auto low = hex_digit(piece[4]);
  if (!high || !low) return std::nullopt;
  return static_cast<uint8_t>(*high * 16 + *low);
}

std::string byte_piece(uint8_t byte) {
  constexpr char kHex[] = "0123456789ABCDEF";
  return {'<', '0', 'x', kHex[byte >> 4], kHex[byte & 15], '>'};
}

}  // namespace whet
