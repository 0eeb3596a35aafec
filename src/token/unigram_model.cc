#include "token/unigram_model.h"

#include <fmt/format.h>

#include <algorithm>

#include "formats/untrusted_text.h"
#include "token/utf8.h"

namespace whet {

namespace {

// How much less probable than the least probable piece an unknown character is.
constexpr double kUnknownPenalty = 10;

}  // namespace

Result<UnigramModel> UnigramModel::create(const Vocabulary& vocabulary, UnigramOptions options) {
  UnigramModel model(options);
  model.tokens_.push_back(kNoToken);  // the root
  double lowest = 0;
  for (TokenId id = 0; id < vocabulary.size(); ++id) {
    lowest = std::min(lowest, static_cast<double>(vocabulary.score(id)));
    const std::string& piece = vocabulary.piece(id);
    // Only what ordinary text may become: see Vocabulary::find_text().
    if (piece.empty() || vocabulary.find_text(piece) != id) continue;
    uint32_t node = 0;
    for (const char c : piece) {
      const uint64_t key = uint64_t{node} * 256 + static_cast<uint8_t>(c);
      const auto next = static_cast<uint32_t>(model.tokens_.size());
      const auto [child, is_new] = model.children_.emplace(key, next);
      if (is_new) model.tokens_.push_back(kNoToken);
      if (model.tokens_.size() >= UINT32_MAX) {
        return Error(ErrorCode::kInvalidModel, "the pieces of the vocabulary are too long");
      }
      node = child->second;
    }
    model.tokens_[node] = id;
  }
  model.unknown_score_ = lowest - kUnknownPenalty;
  return model;
}

void UnigramModel::extend(const Vocabulary& vocabulary, std::string_view word, size_t begin,
                          size_t char_length, std::vector<Step>& steps) const {
  const double before = steps[begin].score;
  const auto reach = [&](size_t end, double score, TokenId id) {
    Step& step = steps[end];
    if (step.reached && score <= step.score) return;
    step = {score, begin, id, true};
  };
  bool has_char = false;
  uint32_t node = 0;
  for (size_t i = begin; i < word.size(); ++i) {
    const auto child = children_.find(uint64_t{node} * 256 + static_cast<uint8_t>(word[i]));
    if (child == children_.end()) break;
    node = child->second;
    const TokenId id = tokens_[node];
    if (id == kNoToken) continue;
    reach(i + 1, before + static_cast<double>(vocabulary.score(id)), id);
    has_char |= i + 1 == begin + char_length;
  }
  if (!has_char) reach(begin + char_length, before + unknown_score_, kNoToken);
}

Status UnigramModel::add_unknown(const Vocabulary& vocabulary, std::string_view text,
                                 std::vector<TokenId>& ids) const {
  const auto token_of = [&](char c) { return vocabulary.byte_token(static_cast<uint8_t>(c)); };
  const bool as_bytes = options_.byte_fallback &&
                        std::ranges::all_of(text, [&](char c) { return token_of(c).has_value(); });
  if (as_bytes) {
    for (const char c : text) ids.push_back(*token_of(c));
    return ok_status();
  }
  if (!options_.unknown) {
    return Error(ErrorCode::kInvalidArgument,
                 fmt::format("the vocabulary has no token for {} and no fallback to bytes",
                             quote_untrusted(text)));
  }
  ids.push_back(*options_.unknown);
  return ok_status();
}

Status UnigramModel::encode_word(const Vocabulary& vocabulary, std::string_view word,
                                 std::vector<TokenId>& ids) const {
  std::vector<Step> steps(word.size() + 1);
  steps[0].reached = true;
  for (size_t begin = 0; begin < word.size();) {
    const size_t length = first_utf8_char(word.substr(begin)).length;
    // A piece may end inside what is no whole character.
    if (steps[begin].reached) extend(vocabulary, word, begin, length, steps);
    begin += length;
  }
  std::vector<const Step*> path;
  for (size_t end = word.size(); end > 0; end = path.back()->begin) path.push_back(&steps[end]);
  for (size_t i = path.size(); i-- > 0;) {
    if (path[i]->id != kNoToken) {
      ids.push_back(path[i]->id);
      continue;
    }
    const size_t begin = path[i]->begin;
    while (i > 0 && path[i - 1]->id == kNoToken) --i;
    const size_t end = i > 0 ? path[i - 1]->begin : word.size();
    WHET_TRY_STATUS(add_unknown(vocabulary, word.substr(begin, end - begin), ids));
  }
  return ok_status();
}

}  // namespace whet
