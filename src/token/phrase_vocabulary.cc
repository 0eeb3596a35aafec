#include "token/phrase_vocabulary.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/check.h"

namespace whet {

Result<PhraseVocabulary> PhraseVocabulary::create(int32_t n_base,
                                                  std::vector<std::vector<TokenId>> phrases) {
  for (size_t i = 0; i < phrases.size(); ++i) {
    const bool is_sound =
        phrases[i].size() >= 2 && phrases[i].size() <= kMostTokens &&
        std::ranges::all_of(phrases[i], [&](TokenId id) { return id >= 0 && id < n_base; });
    if (!is_sound) {
      return Error(ErrorCode::kInvalidModel,
                   fmt::format("phrase {}: expected 2 to {} ids of 0 to {}, found {} ids", i,
                               kMostTokens, n_base - 1, phrases[i].size()));
    }
  }
  std::vector<std::vector<TokenId>> known = phrases;
  std::ranges::sort(known);
  if (std::ranges::adjacent_find(known) != known.end()) {
    return Error(ErrorCode::kInvalidModel, "expected each phrase once, found one twice");
  }
  return PhraseVocabulary(n_base, std::move(phrases));
}

PhraseVocabulary::PhraseVocabulary(int32_t n_base, std::vector<std::vector<TokenId>> phrases)
    : n_base_(n_base), phrases_(std::move(phrases)), trie_(1) {
  for (size_t i = 0; i < phrases_.size(); ++i) {
    uint32_t node = 0;
    for (const TokenId id : phrases_[i]) {
      const auto [at, is_new] =
          trie_[node].next.try_emplace(id, static_cast<uint32_t>(trie_.size()));
      node = at->second;
      if (is_new) trie_.emplace_back();
    }
    trie_[node].phrase = static_cast<int32_t>(i);
  }
}

std::vector<TokenId> PhraseVocabulary::segment(std::span<const TokenId> base) const {
  // From the end: the fewest ids for what begins at i, and the phrase that it begins with.
  std::vector<uint32_t> fewest(base.size() + 1, 0);
  std::vector<int32_t> first(base.size(), -1);
  for (size_t i = base.size(); i-- > 0;) {
    fewest[i] = fewest[i + 1] + 1;
    uint32_t node = 0;
    for (size_t k = i; k < base.size(); ++k) {
      const auto at = trie_[node].next.find(base[k]);
      if (at == trie_[node].next.end()) break;
      node = at->second;
      const int32_t phrase = trie_[node].phrase;
      if (phrase >= 0 && fewest[k + 1] + 1 <= fewest[i]) {
        fewest[i] = fewest[k + 1] + 1;
        first[i] = phrase;
      }
    }
  }
  std::vector<TokenId> ids;
  for (size_t i = 0; i < base.size();) {
    if (first[i] < 0) {
      ids.push_back(base[i++]);
      continue;
    }
    ids.push_back(n_base_ + first[i]);
    i += phrases_[static_cast<size_t>(first[i])].size();
  }
  return ids;
}

std::vector<TokenId> PhraseVocabulary::expand(std::span<const TokenId> ids) const {
  std::vector<TokenId> base;
  for (const TokenId id : ids) {
    WHET_CHECK(id >= 0 && id < size());
    if (id < n_base_) {
      base.push_back(id);
      continue;
    }
    const std::vector<TokenId>& phrase = phrases_[static_cast<size_t>(id - n_base_)];
    base.insert(base.end(), phrase.begin(), phrase.end());
  }
  return base;
}

int64_t PhraseVocabulary::count_base_tokens(std::span<const TokenId> ids) const {
  int64_t n = 0;
  for (const TokenId id : ids) {
    WHET_CHECK(id >= 0 && id < size());
    n +=
        id < n_base_ ? 1 : static_cast<int64_t>(phrases_[static_cast<size_t>(id - n_base_)].size());
  }
  return n;
}

}  // namespace whet
