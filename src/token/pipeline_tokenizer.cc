#include "token/pipeline_tokenizer.h"

#include <algorithm>
#include <variant>

#include "token/byte_alphabet.h"

namespace whet {

namespace {

// Two passes as in Hugging Face's tokenizers: tokens that are looked for in the raw text, then, in
// the normalized stretches between, those that are looked for there.
struct AddedTokenPasses {
  AddedTokenMatcher raw;
  AddedTokenMatcher normalized;
};

Result<AddedTokenPasses> make_passes(const std::vector<PipelineAddedToken>& tokens,
                                     const Normalizer& normalizer) {
  std::vector<AddedToken> raw;
  std::vector<AddedToken> normalized;
  for (const PipelineAddedToken& added : tokens) {
    AddedToken token = added.token;
    token.control = added.special;
    if (!added.normalized) {
      raw.push_back(std::move(token));
      continue;
    }
    WHET_TRY(token.text, normalizer.apply(token.text));
    normalized.push_back(std::move(token));
  }
  return AddedTokenPasses{AddedTokenMatcher(std::move(raw)),
                          AddedTokenMatcher(std::move(normalized))};
}

using WordModel = std::variant<BpeModel, UnigramModel, WordPieceModel>;

Result<WordModel> make_model(const PipelineParts& parts) {
  if (parts.unigram) {
    WHET_TRY(UnigramModel unigram, UnigramModel::create(parts.vocabulary, *parts.unigram));
    return WordModel(std::move(unigram));
  }
  if (parts.word_piece) return WordModel(WordPieceModel(*parts.word_piece));
  WHET_TRY(BpeModel bpe, BpeModel::create(parts.vocabulary, parts.merges, parts.options));
  return WordModel(std::move(bpe));
}

class PipelineTokenizer final : public VocabularyTokenizer {
 public:
  PipelineTokenizer(PipelineParts parts, WordModel model, AddedTokenPasses passes)
      : VocabularyTokenizer(std::move(parts.vocabulary), std::move(parts.ends),
                            parts.hides_leading_space),
        model_(std::move(model)),
        byte_level_(parts.options.byte_level && !parts.word_piece),
        word_prefix_(parts.word_piece ? parts.word_piece->prefix : std::string()),
        tidies_spaces_(parts.tidies_spaces),
        normalizer_(std::move(parts.normalizer)),
        pre_tokenizer_(std::move(parts.pre_tokenizer)),
        passes_(std::move(passes)),
        description_(std::move(parts.description)) {}

  std::string token_bytes(TokenId id, bool render_special) const override {
    if (std::holds_alternative<WordPieceModel>(model_)) return word_bytes(id, render_special);
    if (!byte_level_) return marked_piece_bytes(vocabulary(), id, render_special);
    const std::string& piece = vocabulary().piece(id);
    const TokenType type = vocabulary().type(id);
    if (type == TokenType::kUserDefined) return piece;
    if (type == TokenType::kNormal) return letters_to_bytes(piece).value_or(piece);
    return marked_piece_bytes(vocabulary(), id, render_special);
  }

  std::vector<TextRange> control_spellings(std::string_view text) const override {
    std::vector<TextRange> found = passes_.raw.control_spellings(text);
    // Tokens that are looked for in normalized text are guarded where they are spelt as they are.
    const std::vector<TextRange> more = passes_.normalized.control_spellings(text);
    found.insert(found.end(), more.begin(), more.end());
    std::sort(found.begin(), found.end(),
              [](const TextRange& a, const TextRange& b) { return a.begin < b.begin; });
    return found;
  }
  std::string description() const override { return description_; }

 protected:
  Status encode_text(std::string_view text, std::span<const TextRange> user_ranges,
                     std::vector<TokenId>& ids) const override {
    PairMerging merging;
    for (const Fragment& fragment : passes_.raw.split(text, user_ranges)) {
      if (fragment.token) {
        ids.push_back(*fragment.token);
        continue;
      }
      const bool at_start = fragment.text.data() == text.data();
      if (normalizer_.empty() && passes_.normalized.empty()) {
        WHET_TRY_STATUS(encode_words(fragment.text, at_start, merging, ids));
        continue;
      }
      // Normalizing moves bytes, so a stretch that a user wrote in part counts as the user's.
      const auto begin = static_cast<size_t>(fragment.text.data() - text.data());
      const size_t end = begin + fragment.text.size();
      const bool from_user = std::ranges::any_of(
          user_ranges, [&](const TextRange& r) { return r.begin < end && begin < r.end; });
      WHET_TRY_STATUS(encode_normalized(fragment.text, at_start, from_user, merging, ids));
    }
    return ok_status();
  }

 private:
  Status encode_normalized(std::string_view raw, bool at_start, bool from_user,
                           PairMerging& merging, std::vector<TokenId>& ids) const {
    WHET_TRY(const std::string text, normalizer_.apply(raw));
    const TextRange whole{0, text.size()};
    const std::span<const TextRange> user_ranges(&whole, from_user ? 1 : 0);
    for (const Fragment& fragment : passes_.normalized.split(text, user_ranges)) {
      if (fragment.token) {
        ids.push_back(*fragment.token);
        continue;
      }
      const bool starts = at_start && fragment.text.data() == text.data();
      WHET_TRY_STATUS(encode_words(fragment.text, starts, merging, ids));
    }
    return ok_status();
  }

  /// A piece with the prefix goes on; others begin with a space.
  std::string word_bytes(TokenId id, bool render_special) const {
    const TokenType type = vocabulary().type(id);
    const bool hidden = type == TokenType::kControl || type == TokenType::kUnknown;
    if (type == TokenType::kUnused || (hidden && !render_special)) return "";
    const std::string& piece = vocabulary().piece(id);
    const bool goes_on = !word_prefix_.empty() && piece.starts_with(word_prefix_);
    std::string text = goes_on ? piece.substr(word_prefix_.size()) : " " + piece;
    if (!tidies_spaces_) return text;
    for (const char* mark : {".", "?", "!", ",", "n't", "'m", "'s", "'ve", "'re"}) {
      text = replace_all(text, std::string(" ") + mark, mark);
    }
    return text;
  }

  Status encode_words(std::string_view text, bool at_start, PairMerging& merging,
                      std::vector<TokenId>& ids) const {
    WHET_TRY(const Words words, pre_tokenizer_.split(text, at_start));
    for (std::string_view word : words.words) {
      if (const auto* bpe = std::get_if<BpeModel>(&model_)) {
        WHET_TRY_STATUS(bpe->encode_word(vocabulary(), word, merging, ids));
      } else if (const auto* unigram = std::get_if<UnigramModel>(&model_)) {
        WHET_TRY_STATUS(unigram->encode_word(vocabulary(), word, ids));
      } else {
        std::get<WordPieceModel>(model_).encode_word(vocabulary(), word, ids);
      }
    }
    return ok_status();
  }

  WordModel model_;
  bool byte_level_;
  std::string word_prefix_;  // of WordPiece
  bool tidies_spaces_;
  Normalizer normalizer_;
  PreTokenizer pre_tokenizer_;
  AddedTokenPasses passes_;
  std::string description_;
};

}  // namespace

Result<std::shared_ptr<const Tokenizer>> make_pipeline_tokenizer(PipelineParts parts) {
  WHET_TRY(WordModel model, make_model(parts));
  WHET_TRY(AddedTokenPasses passes, make_passes(parts.added_tokens, parts.normalizer));
  return std::shared_ptr<const Tokenizer>(
      std::make_shared<PipelineTokenizer>(std::move(parts), std::move(model), std::move(passes)));
}

}  // namespace whet
