// PhraseVocabulary: a base vocabulary and phrases of its tokens behind it. A text becomes the
// fewest ids there are for it, never more than the base tokens, and comes back token by token.
#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <utility>
#include <vector>

#include "base/result.h"
#include "token/tokenizer.h"

namespace whet {

class PhraseVocabulary {
 public:
  /// Base tokens of one phrase, at most: segmenting a text takes up to so many steps per token.
  static constexpr size_t kMostTokens = 16;

  /// Phrase i is id n_base + i. Errors (kInvalidModel): a phrase of fewer than two or more than 16
  /// tokens, of an id outside [0, n_base), or one that stands there twice.
  static Result<PhraseVocabulary> create(int32_t n_base, std::vector<std::vector<TokenId>> phrases);

  /// Base ids -> as few ids as can be; time linear in the text. Of equally short ones that whose
  /// first phrase is longest.
  std::vector<TokenId> segment(std::span<const TokenId> base) const;
  /// Ids of segment(), or any below size() -> base ids.
  std::vector<TokenId> expand(std::span<const TokenId> ids) const;
  /// How many base tokens these ids, below size(), stand for.
  int64_t count_base_tokens(std::span<const TokenId> ids) const;

  int32_t n_base() const { return n_base_; }
  int32_t size() const { return n_base_ + static_cast<int32_t>(phrases_.size()); }
  const std::vector<std::vector<TokenId>>& phrases() const { return phrases_; }

 private:
  PhraseVocabulary(int32_t n_base, std::vector<std::vector<TokenId>> phrases);
  struct Node {
    std::map<TokenId, uint32_t> next;
    int32_t phrase = -1;  // that ends here
  };
  int32_t n_base_;
  std::vector<std::vector<TokenId>> phrases_;
  std::vector<Node> trie_;
};

}  // namespace whet
