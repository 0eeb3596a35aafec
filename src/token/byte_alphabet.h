// GPT-2's alphabet: every byte as one printable code point, so that byte strings can be spelled in
// a text vocabulary ("Ġthe" is " the"). Source: Radford et al. 2019, encoder.py bytes_to_unicode.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace whet {

/// The UTF-8 spelling of one byte.
std::string_view byte_to_letter(uint8_t byte);

std::string bytes_to_letters(std::string_view bytes);

/// Inverse of bytes_to_letters; nothing if a character is not of the alphabet.
std::optional<std::string> letters_to_bytes(std::string_view letters);

/// The byte of a SentencePiece byte token "<0xHH>" (exactly two hex digits).
std::optional<uint8_t> parse_byte_piece(std::string_view piece);

/// "<0xHH>".
std::string byte_piece(uint8_t byte);

}  // namespace whet
