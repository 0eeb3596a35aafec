#include "token/bpe_tokenizer.h"

#include "token/byte_alphabet.h"

namespace whet {

namespace {

// Two passes as in Hugging Face's tokenizers: tokens that are looked for in the raw text, then, in
// the normalized stretches between, those that are looked for there. Each with and without the
// special ones.
struct AddedTokenPasses {
  AddedTokenMatcher raw;
  AddedTokenMatcher normalized;
};

Result<AddedTokenPasses> make_passes(const std::vector<BpeAddedToken>& tokens,
                                     const Normalizer& normalizer, bool with_special) {
  std::vector<AddedToken> raw;
  std::vector<AddedToken> normalized;
  for (const BpeAddedToken& added : tokens) {
    if (added.special && !with_special) continue;
    if (!added.normalized) {
      raw.push_back(added.token);
      continue;
    }
    AddedToken token = added.token;
    WHET_TRY(token.text, normalizer.apply(token.text));
    normalized.push_back(std::move(token));
  }
  return AddedTokenPasses{AddedTokenMatcher(std::move(raw)),
                          AddedTokenMatcher(std::move(normalized))};
}

class BpeTokenizer final : public VocabularyTokenizer {
 public:
  BpeTokenizer(BpeParts parts, BpeModel model, AddedTokenPasses all, AddedTokenPasses not_special)
      : VocabularyTokenizer(std::move(parts.vocabulary), std::move(parts.ends),
                            parts.hides_leading_space),
        model_(std::move(model)),
        byte_level_(parts.options.byte_level),
        normalizer_(std::move(parts.normalizer)),
        pre_tokenizer_(std::move(parts.pre_tokenizer)),
        all_(std::move(all)),
        not_special_(std::move(not_special)),
        description_(std::move(parts.description)) {}

  std::string token_bytes(TokenId id, bool render_special) const override {
    if (!byte_level_) return marked_piece_bytes(vocabulary(), id, render_special);
    const std::string& piece = vocabulary().piece(id);
    switch (vocabulary().type(id)) {
      case TokenType::kNormal:
        return letters_to_bytes(piece).value_or(piece);
      case TokenType::kUserDefined:
        return piece;
      case TokenType::kByte:
        return std::string(1, static_cast<char>(*parse_byte_piece(piece)));
      case TokenType::kControl:
      case TokenType::kUnknown:
        return render_special ? piece : std::string();
      case TokenType::kUnused:
        return std::string();
    }
    WHET_UNREACHABLE();
  }

  std::string description() const override { return description_; }

 protected:
  Status encode_text(std::string_view text, bool parse_special,
                     std::vector<TokenId>& ids) const override {
    const AddedTokenPasses& passes = parse_special ? all_ : not_special_;
    PairMerging merging;
    for (const Fragment& fragment : passes.raw.split(text)) {
      if (fragment.token) {
        ids.push_back(*fragment.token);
        continue;
      }
      const bool at_start = fragment.text.data() == text.data();
      if (normalizer_.empty() && passes.normalized.empty()) {
        WHET_TRY_STATUS(encode_words(fragment.text, at_start, merging, ids));
      } else {
        WHET_TRY_STATUS(encode_normalized(fragment.text, at_start, passes, merging, ids));
      }
    }
    return ok_status();
  }

 private:
  Status encode_normalized(std::string_view raw, bool at_start, const AddedTokenPasses& passes,
                           PairMerging& merging, std::vector<TokenId>& ids) const {
    WHET_TRY(const std::string text, normalizer_.apply(raw));
    for (const Fragment& fragment : passes.normalized.split(text)) {
      if (fragment.token) {
        ids.push_back(*fragment.token);
        continue;
      }
      const bool starts = at_start && fragment.text.data() == text.data();
      WHET_TRY_STATUS(encode_words(fragment.text, starts, merging, ids));
    }
    return ok_status();
  }

  Status encode_words(std::string_view text, bool at_start, PairMerging& merging,
                      std::vector<TokenId>& ids) const {
    WHET_TRY(const Words words, pre_tokenizer_.split(text, at_start));
    for (std::string_view word : words.words) {
      WHET_TRY_STATUS(model_.encode_word(vocabulary(), word, merging, ids));
    }
    return ok_status();
  }

  BpeModel model_;
  bool byte_level_;
  Normalizer normalizer_;
  PreTokenizer pre_tokenizer_;
  AddedTokenPasses all_;
  AddedTokenPasses not_special_;
  std::string description_;
};

}  // namespace

Result<std::shared_ptr<const Tokenizer>> make_bpe_tokenizer(BpeParts parts) {
  WHET_TRY(BpeModel model, BpeModel::create(parts.vocabulary, parts.merges, parts.options));
  WHET_TRY(AddedTokenPasses all, make_passes(parts.added_tokens, parts.normalizer, true));
  WHET_TRY(AddedTokenPasses not_special, make_passes(parts.added_tokens, parts.normalizer, false));
  return std::shared_ptr<const Tokenizer>(std::make_shared<BpeTokenizer>(
      std::move(parts), std::move(model), std::move(all), std::move(not_special)));
}

}  // namespace whet
