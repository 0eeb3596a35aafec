// A vocabulary of given pieces, byte for byte, for tests of what only looks at tokens.
#pragma once

#include <string>
#include <vector>

#include "token/tokenizer.h"

namespace whet::decode_test {

/// Ids: the pieces, the control tokens, then "<end>".
class VocabularyForTest : public Tokenizer {
 public:
  explicit VocabularyForTest(std::vector<std::string> pieces,
                             const std::vector<std::string>& controls = {})
      : n_text_(pieces.size()), pieces_(std::move(pieces)) {
    pieces_.insert(pieces_.end(), controls.begin(), controls.end());
    pieces_.push_back("<end>");
    ends_ = {static_cast<TokenId>(pieces_.size() - 1)};
  }

  Result<std::vector<TokenId>> encode(std::string_view, const EncodeOptions&) const override {
    return Error(ErrorCode::kInternal, "this vocabulary encodes nothing");
  }
  Result<std::vector<TokenId>> encode(std::span<const PromptPart>, bool) const override {
    return Error(ErrorCode::kInternal, "this vocabulary encodes nothing");
  }
  std::vector<TextRange> control_spellings(std::string_view) const override { return {}; }
  std::string token_bytes(TokenId id, bool render_special) const override {
    const auto i = static_cast<size_t>(id);
    return i < n_text_ || render_special ? pieces_[i] : std::string();
  }
  std::string decode(const std::vector<TokenId>& ids, bool render_special, bool) const override {
    std::string text;
    for (TokenId id : ids) text += token_bytes(id, render_special);
    return text;
  }
  int32_t vocab_size() const override { return static_cast<int32_t>(pieces_.size()); }
  std::string_view piece(TokenId id) const override { return pieces_[static_cast<size_t>(id)]; }
  TokenType type(TokenId id) const override {
    return static_cast<size_t>(id) < n_text_ ? TokenType::kNormal : TokenType::kControl;
  }
  float score(TokenId) const override { return 0; }
  std::optional<TokenId> find_piece(std::string_view piece) const override {
    for (size_t i = 0; i < pieces_.size(); ++i) {
      if (pieces_[i] == piece) return static_cast<TokenId>(i);
    }
    return std::nullopt;
  }
  std::optional<TokenId> bos() const override { return std::nullopt; }
  std::optional<TokenId> eos() const override { return ends_[0]; }
  const std::vector<TokenId>& end_of_generation() const override { return ends_; }
  bool adds_bos() const override { return false; }
  std::string description() const override { return "of a test"; }
  const std::vector<std::string>& notes() const override { return notes_; }

 private:
  size_t n_text_;
  std::vector<std::string> pieces_;
  std::vector<TokenId> ends_;
  std::vector<std::string> notes_;
};

}  // namespace whet::decode_test
