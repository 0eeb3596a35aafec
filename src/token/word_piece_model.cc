#include "token/word_piece_model.h"

#include <optional>

#include "token/utf8.h"

namespace whet {

void WordPieceModel::encode_word(const Vocabulary& vocabulary, std::string_view word,
                                 std::vector<TokenId>& ids) const {
  std::vector<size_t> ends;  // of the characters
  for (size_t at = 0; at < word.size();) {
    at += first_utf8_char(word.substr(at)).length;
    ends.push_back(at);
  }
  if (ends.empty()) return;
  const size_t before = ids.size();
  bool known = static_cast<int64_t>(ends.size()) <= options_.longest_word;
  std::string piece;
  for (size_t begin = 0, first_end = 0; known && begin < word.size();) {
    piece = begin > 0 ? options_.prefix : "";
    const size_t affix = piece.size();
    std::optional<TokenId> found;
    for (size_t i = ends.size(); i > first_end && !found; --i) {
      const size_t length = ends[i - 1] - begin;
      if (affix + length > vocabulary.longest_piece_bytes()) continue;
      piece.resize(affix);
      piece += word.substr(begin, length);
      found = vocabulary.find_text(piece);
      if (!found) continue;
      ids.push_back(*found);
      first_end = i;
    }
    known = found.has_value();
    if (known) begin = ends[first_end - 1];
  }
  if (known) return;
  ids.resize(before);
  ids.push_back(options_.unknown);
}

}  // namespace whet
