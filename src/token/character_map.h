// CharacterMap: SentencePiece's precompiled normalization ("Precompiled" of tokenizer.json): a trie
// of character sequences and what replaces each.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace whet {

class CharacterMap {
 public:
  /// `data`: the size of the trie in bytes (u32, little endian), its units of 4 bytes (a double
  /// array in Darts' form), then the replacements, each ended by a zero byte.
  /// Errors: sizes that do not fit.
  static Result<CharacterMap> parse(std::string data);

  /// Valid UTF-8. As Hugging Face's tokenizers: a short grapheme is replaced as a whole where the
  /// map knows how it begins, else each of its characters that the map knows.
  std::string apply(std::string_view text) const;

 private:
  /// What replaces the shortest known beginning of `text`; null where none is known.
  const char* find(std::string_view text) const;

  std::vector<uint32_t> units_;
  std::string replacements_;
};

/// Errors: a character that is none of base64's.
Result<std::string> decode_base64(std::string_view text);

}  // namespace whet
