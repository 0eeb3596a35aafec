// Vocabulary: the pieces of a tokenizer, their types and scores, and the ids with a role.
// Knows no algorithm. Immutable once made; every id it holds is in range.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/result.h"
#include "token/tokenizer.h"

namespace whet {

/// By SentencePiece's number, which GGUF took over. None: not one of them.
std::optional<TokenType> token_type_of(int64_t number);

struct VocabularyParts {
  std::vector<std::string> pieces;
  std::vector<TokenType> types;  // one per piece
  std::vector<float> scores;     // one per piece, or none
  std::optional<TokenId> bos, eos, unknown;
  /// Further tokens that end a turn by the metadata: EOT, EOM, a list of EOS.
  std::vector<TokenId> more_ends;
  /// All tokens that end a turn, where the metadata lists them: then no text of a piece adds any.
  std::optional<std::vector<TokenId>> all_ends;
  /// GGUF: a piece such as "<|im_end|>" is a control token even if its type says otherwise, as many
  /// converted files have it wrong. tokenizer.json declares its added tokens reliably.
  bool types_from_text = false;
  /// GGUF: of equal pieces the last is what text becomes, as in llama.cpp; an error otherwise.
  bool allows_duplicates = false;
  /// What a user should know of how the vocabulary was read.
  std::vector<std::string> notes;
};

class Vocabulary {
 public:
  /// Checks lengths, ids, byte tokens and duplicates, and collects the tokens that end a turn.
  static Result<Vocabulary> create(VocabularyParts parts);

  Vocabulary(Vocabulary&&) = default;
  Vocabulary& operator=(Vocabulary&&) = default;

  int32_t size() const { return static_cast<int32_t>(parts_.pieces.size()); }
  const std::string& piece(TokenId id) const { return parts_.pieces[index(id)]; }
  TokenType type(TokenId id) const { return parts_.types[index(id)]; }
  float score(TokenId id) const { return parts_.scores.empty() ? 0 : parts_.scores[index(id)]; }
  std::optional<TokenId> find(std::string_view piece) const;
  /// Only tokens that ordinary text may become by merging: never a control, user-defined, unknown
  /// or byte token, however the text is spelled. (Users could otherwise write control tokens.)
  std::optional<TokenId> find_text(std::string_view piece) const;
  /// The token "<0xHH>" of a byte.
  std::optional<TokenId> byte_token(uint8_t byte) const { return byte_tokens_[byte]; }
  size_t longest_piece_bytes() const { return longest_piece_bytes_; }

  std::optional<TokenId> bos() const { return parts_.bos; }
  std::optional<TokenId> eos() const { return parts_.eos; }
  std::optional<TokenId> unknown() const { return parts_.unknown; }
  /// Ascending, without duplicates.
  const std::vector<TokenId>& ends() const { return ends_; }
  const std::vector<std::string>& notes() const { return parts_.notes; }

 private:
  explicit Vocabulary(VocabularyParts parts) : parts_(std::move(parts)) {}
  size_t index(TokenId id) const {
    WHET_CHECK(id >= 0 && id < size());
    return static_cast<size_t>(id);
  }
  Status check_lengths_and_ids() const;
  Status index_pieces();

  VocabularyParts parts_;
  std::unordered_map<std::string_view, TokenId> ids_;  // views into parts_.pieces
  std::array<std::optional<TokenId>, 256> byte_tokens_;
  std::vector<TokenId> ends_;
  size_t longest_piece_bytes_ = 0;
};

}  // namespace whet
