#include "token/spm_tokenizer.h"

#include <fmt/format.h>

#include <set>

#include "formats/untrusted_text.h"
#include "token/added_token_matcher.h"
#include "token/pair_merging.h"
#include "token/utf8.h"

namespace whet {

namespace {

AddedTokenMatcher make_matcher(const Vocabulary& vocabulary, const SpmOptions& options,
                               std::vector<AddedToken> added) {
  std::vector<AddedToken> tokens = std::move(added);  // of two with one text the first counts
  for (TokenId id = 0; id < vocabulary.size(); ++id) {
    const TokenType type = vocabulary.type(id);
    const bool special = type == TokenType::kControl || type == TokenType::kUnknown;
    if (type != TokenType::kUserDefined && !special) continue;
    const std::string& piece = vocabulary.piece(id);
    // Which Phi-3 tokens keep the space after them: llama.cpp names the same three.
    const bool strips = options.strips_after_control && piece != "<unk>" && piece != "<s>" &&
                        piece != "<|endoftext|>";
    tokens.push_back({.id = id,
                      .text = special ? piece : replace_all(piece, kSpaceMark, " "),
                      .strips_right = strips,
                      .control = special});
  }
  return AddedTokenMatcher(std::move(tokens));
}

// Spaces at the start and the end (if asked) vanish, others join. At the end SentencePiece takes a
// U+2581 of the text for a space too.
std::string without_extra_spaces(std::string_view text, bool at_start, bool at_end) {
  std::string out;
  for (char c : text) {
    const bool after_space = out.empty() ? at_start : out.back() == ' ';
    if (c != ' ' || !after_space) out.push_back(c);
  }
  while (at_end && (out.ends_with(' ') || out.ends_with(kSpaceMark))) {
    out.resize(out.size() - (out.ends_with(' ') ? 1 : kSpaceMark.size()));
  }
  return out;
}

class SpmTokenizer final : public VocabularyTokenizer {
 public:
  SpmTokenizer(Vocabulary vocabulary, SequenceEnds ends, SpmOptions options,
               std::vector<AddedToken> added)
      : VocabularyTokenizer(std::move(vocabulary), std::move(ends), options.adds_space_prefix),
        options_(options) {
    for (const AddedToken& token : added) no_text_.insert(token.id);
    added_tokens_ = make_matcher(this->vocabulary(), options, std::move(added));
  }

  std::string token_bytes(TokenId id, bool render_special) const override {
    return marked_piece_bytes(vocabulary(), id, render_special);
  }

  std::vector<TextRange> control_spellings(std::string_view text) const override {
    return added_tokens_.control_spellings(text);
  }
  std::string description() const override { return "SPM"; }

 protected:
  Status encode_text(std::string_view text, std::span<const TextRange> user_ranges,
                     std::vector<TokenId>& ids) const override {
    PairMerging merging;
    bool is_fresh = true;
    for (const Fragment& fragment : added_tokens_.split(text, user_ranges)) {
      if (fragment.token) {
        const bool is_text = options_.user_defined_are_text &&
                             vocabulary().type(*fragment.token) == TokenType::kUserDefined &&
                             !no_text_.contains(*fragment.token);
        if (is_text && is_fresh && options_.adds_space_prefix) {
          WHET_TRY_STATUS(encode_stretch(kSpaceMark, merging, ids));
        }
        ids.push_back(*fragment.token);
        is_fresh = !is_text && options_.tokens_start_anew;
        continue;
      }
      std::string stretch(fragment.text);
      if (options_.removes_extra_spaces) {
        const bool at_end =
            fragment.text.data() + fragment.text.size() == text.data() + text.size();
        stretch = without_extra_spaces(stretch, is_fresh, at_end);
        if (stretch.empty()) continue;
      }
      const bool has_space = options_.prefix_where_missing && stretch.starts_with(' ');
      if (is_fresh && options_.adds_space_prefix && !has_space) stretch.insert(0, 1, ' ');
      is_fresh = false;
      WHET_TRY_STATUS(encode_stretch(replace_all(stretch, " ", kSpaceMark), merging, ids));
    }
    return ok_status();
  }

 private:
  Status encode_stretch(std::string_view text, PairMerging& merging,
                        std::vector<TokenId>& ids) const {
    merging.symbols.clear();
    for (size_t begin = 0; begin < text.size();) {
      const size_t length = first_utf8_char(text.substr(begin)).length;
      merging.symbols.push_back(
          {static_cast<uint32_t>(begin), static_cast<uint32_t>(length),
           vocabulary().find_text(text.substr(begin, length)).value_or(kNoToken)});
      begin += length;
    }
    merging.run(
        [&](const MergeSymbol& left, const MergeSymbol& right) -> std::optional<MergeCandidate> {
          const uint32_t length = left.length + right.length;
          if (length > vocabulary().longest_piece_bytes()) return std::nullopt;
          const auto id = vocabulary().find_text(text.substr(left.begin, length));
          if (!id) return std::nullopt;
          return MergeCandidate{-vocabulary().score(*id), *id};
        });
    bool after_unknown = false;
    for (const MergeSymbol& symbol : merging.symbols) {
      if (symbol.length > 0) WHET_TRY_STATUS(emit(symbol, text, after_unknown, ids));
    }
    return ok_status();
  }

  // Neighbouring unknown characters are one token.
  Status emit(const MergeSymbol& symbol, std::string_view text, bool& after_unknown,
              std::vector<TokenId>& ids) const {
    const bool joins_unknown = after_unknown;
    after_unknown = false;
    if (symbol.id != kNoToken) {
      ids.push_back(symbol.id);
      return ok_status();
    }
    const std::string_view character = text.substr(symbol.begin, symbol.length);
    const size_t n_before = ids.size();
    for (char c : character) {
      const auto byte = vocabulary().byte_token(static_cast<uint8_t>(c));
      if (!byte) break;
      ids.push_back(*byte);
    }
    if (ids.size() == n_before + character.size()) return ok_status();
    ids.resize(n_before);
    if (!vocabulary().unknown()) {
      return Error(ErrorCode::kInvalidArgument,
                   fmt::format("the vocabulary has no token for {}, no byte tokens and no unknown "
                               "token",
                               quote_untrusted(character)));
    }
    after_unknown = true;
    if (!joins_unknown) ids.push_back(*vocabulary().unknown());
    return ok_status();
  }

  SpmOptions options_;
  AddedTokenMatcher added_tokens_{{}};
  std::set<TokenId> no_text_;  // user-defined ones that SentencePiece does not know
};

}  // namespace

std::shared_ptr<const Tokenizer> make_spm_tokenizer(Vocabulary vocabulary, SequenceEnds ends,
                                                    SpmOptions options,
                                                    std::vector<AddedToken> added) {
  return std::make_shared<SpmTokenizer>(std::move(vocabulary), std::move(ends), options,
                                        std::move(added));
}

}  // namespace whet
