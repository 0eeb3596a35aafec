// What all tokenizers with a Vocabulary share: ids, pieces, the frame of encode, and decoding.
#pragma once

#include <string>
#include <vector>

#include "token/tokenizer.h"
#include "token/vocabulary.h"

namespace whet {

/// Tokens around a whole text (`add_special`).
struct SequenceEnds {
  std::vector<TokenId> prefix;
  std::vector<TokenId> suffix;
};

class VocabularyTokenizer : public Tokenizer {
 public:
  Result<std::vector<TokenId>> encode(std::string_view text,
                                      const EncodeOptions& options) const final;
  Result<std::vector<TokenId>> encode(std::span<const PromptPart> parts, bool add_bos) const final;
  std::string decode(const std::vector<TokenId>& ids, bool render_special,
                     bool at_start) const final;

  int32_t vocab_size() const final { return vocabulary_.size(); }
  std::string_view piece(TokenId id) const final { return vocabulary_.piece(id); }
  TokenType type(TokenId id) const final { return vocabulary_.type(id); }
  float score(TokenId id) const final { return vocabulary_.score(id); }
  std::optional<TokenId> find_piece(std::string_view piece) const final {
    return vocabulary_.find(piece);
  }
  std::optional<TokenId> bos() const final { return vocabulary_.bos(); }
  std::optional<TokenId> eos() const final { return vocabulary_.eos(); }
  const std::vector<TokenId>& end_of_generation() const final { return vocabulary_.ends(); }
  bool adds_bos() const final;
  const std::vector<std::string>& notes() const final { return vocabulary_.notes(); }

 protected:
  /// `hides_leading_space`: the first space of a text is not of the text but of the vocabulary.
  VocabularyTokenizer(Vocabulary vocabulary, SequenceEnds ends, bool hides_leading_space)
      : vocabulary_(std::move(vocabulary)),
        ends_(std::move(ends)),
        hides_leading_space_(hides_leading_space) {}

  const Vocabulary& vocabulary() const { return vocabulary_; }
  /// Appends the tokens of the text itself.
  virtual Status encode_text(std::string_view text, std::span<const TextRange> user_ranges,
                             std::vector<TokenId>& ids) const = 0;

 private:
  Vocabulary vocabulary_;
  SequenceEnds ends_;
  bool hides_leading_space_;
};

/// U+2581, which spells a space in SentencePiece vocabularies.
inline constexpr std::string_view kSpaceMark = "\xE2\x96\x81";

/// Bytes of a token whose piece spells spaces as U+2581 and bytes as "<0xHH>".
std::string marked_piece_bytes(const Vocabulary& vocabulary, TokenId id, bool render_special);

std::string replace_all(std::string_view text, std::string_view from, std::string_view to);

}  // namespace whet
