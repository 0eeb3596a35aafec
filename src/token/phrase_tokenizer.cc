#include "token/phrase_tokenizer.h"

#include <fmt/format.h>

#include <algorithm>
#include <string>

#include "formats/untrusted_text.h"

namespace whet {
namespace {

class PhraseTokenizer final : public Tokenizer {
 public:
  PhraseTokenizer(std::shared_ptr<const Tokenizer> base, PhraseVocabulary phrases)
      : base_(std::move(base)),
        phrases_(std::move(phrases)),
        description_(
            fmt::format("{} + {} phrases", base_->description(), phrases_.phrases().size())) {}

  Result<std::vector<TokenId>> encode(std::string_view text,
                                      const EncodeOptions& options) const override {
    WHET_TRY(const std::vector<TokenId> ids, base_->encode(text, options));
    return merged(ids);
  }
  Result<std::vector<TokenId>> encode(std::span<const PromptPart> parts,
                                      bool add_bos) const override {
    WHET_TRY(const std::vector<TokenId> ids, base_->encode(parts, add_bos));
    return merged(ids);
  }
  std::vector<TextRange> control_spellings(std::string_view text) const override {
    return base_->control_spellings(text);
  }
  std::string token_bytes(TokenId id, bool render_special) const override {
    return base_->token_bytes(id, render_special);
  }
  std::string decode(const std::vector<TokenId>& ids, bool render_special,
                     bool at_start) const override {
    return base_->decode(ids, render_special, at_start);
  }
  int32_t vocab_size() const override { return base_->vocab_size(); }
  std::string_view piece(TokenId id) const override { return base_->piece(id); }
  TokenType type(TokenId id) const override { return base_->type(id); }
  float score(TokenId id) const override { return base_->score(id); }
  std::optional<TokenId> find_piece(std::string_view piece) const override {
    return base_->find_piece(piece);
  }
  std::optional<TokenId> bos() const override { return base_->bos(); }
  std::optional<TokenId> eos() const override { return base_->eos(); }
  const std::vector<TokenId>& end_of_generation() const override {
    return base_->end_of_generation();
  }
  bool adds_bos() const override { return base_->adds_bos(); }
  std::string description() const override { return description_; }
  const std::vector<std::string>& notes() const override { return base_->notes(); }

  const PhraseVocabulary& phrases() const { return phrases_; }

 private:
  /// A vocabulary that looks whole words up may give a phrase by itself: its tokens are merged
  /// anew, so that a text has one spelling.
  std::vector<TokenId> merged(const std::vector<TokenId>& ids) const {
    return phrases_.segment(phrases_.expand(ids));
  }

  std::shared_ptr<const Tokenizer> base_;
  PhraseVocabulary phrases_;
  std::string description_;
};

Status check_phrase(const Tokenizer& base, const PhraseVocabulary& phrases, size_t i) {
  std::string bytes;
  for (const TokenId token : phrases.phrases()[i]) {
    if (base.type(token) != TokenType::kNormal) {
      return Error(ErrorCode::kInvalidModel,
                   fmt::format("expected tokens of plain text, found {} ({})",
                               quote_untrusted(std::string(base.piece(token))), token));
    }
    bytes += base.token_bytes(token, /*render_special=*/true);
  }
  const TokenId id = phrases.n_base() + static_cast<TokenId>(i);
  if (base.type(id) == TokenType::kNormal && base.token_bytes(id, true) == bytes) {
    return ok_status();
  }
  return Error(ErrorCode::kInvalidModel,
               fmt::format("expected a piece of plain text that spells its tokens, {}, found {}",
                           quote_untrusted(bytes), quote_untrusted(base.token_bytes(id, true))));
}

}  // namespace

Result<std::shared_ptr<const Tokenizer>> make_phrase_tokenizer(
    std::shared_ptr<const Tokenizer> base, PhraseVocabulary phrases) {
  if (phrases.size() != base->vocab_size()) {
    return Error(ErrorCode::kInvalidModel,
                 fmt::format("expected a vocabulary of {} tokens and {} phrases, found {} tokens",
                             phrases.n_base(), phrases.phrases().size(), base->vocab_size()));
  }
  for (size_t i = 0; i < phrases.phrases().size(); ++i) {
    WHET_TRY_STATUS(check_phrase(*base, phrases, i).with_context(fmt::format("phrase {}", i)));
  }
  return std::shared_ptr<const Tokenizer>(
      std::make_shared<PhraseTokenizer>(std::move(base), std::move(phrases)));
}

const PhraseVocabulary* phrases_of(const Tokenizer& tokenizer) {
  const auto* with_phrases = dynamic_cast<const PhraseTokenizer*>(&tokenizer);
  return with_phrases == nullptr ? nullptr : &with_phrases->phrases();
}

int64_t count_base_tokens(const Tokenizer& tokenizer, std::span<const TokenId> ids) {
  const PhraseVocabulary* phrases = phrases_of(tokenizer);
  return phrases == nullptr ? static_cast<int64_t>(ids.size()) : phrases->count_base_tokens(ids);
}

SplitTokens split_tokens(const Tokenizer& tokenizer, std::span<const TokenId> ids, size_t n_base) {
  const PhraseVocabulary* phrases = phrases_of(tokenizer);
  const std::vector<TokenId> all =
      phrases == nullptr ? std::vector<TokenId>(ids.begin(), ids.end()) : phrases->expand(ids);
  const auto part = [&](std::span<const TokenId> base) {
    return phrases == nullptr ? std::vector<TokenId>(base.begin(), base.end())
                              : phrases->segment(base);
  };
  const std::span<const TokenId> base = all;
  n_base = std::min(n_base, base.size());
  return {part(base.first(n_base)), part(base.subspan(n_base))};
}

}  // namespace whet
