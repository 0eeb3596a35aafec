// PhraseVocabulary: a base vocabulary and phrases of its tokens behind it. A text becomes the
// fewest ids there are for it, never more than the base tokens, and comes back token by token.
#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <utility>
#include <vector>

#include "base/result.h"
#include "vocab/phrase_miner.h"

namespace whet::vocab {

class PhraseVocabulary {
 public:
  /// Phrase i is id n_base + i. Errors (kInvalidArgument): a phrase of fewer than two tokens, of an
  /// id outside [0, n_base), or one that stands there twice.
  static Result<PhraseVocabulary> create(int32_t n_base, std::vector<Ids> phrases);

  /// Base ids -> as few ids as can be; time linear in the text. Of equally short ones that whose
  /// first phrase is longest.
  Ids segment(std::span<const TokenId> base) const;
  /// Ids of segment(), or any below size() -> base ids.
  Ids expand(std::span<const TokenId> ids) const;

  int32_t n_base() const { return n_base_; }
  int32_t size() const { return n_base_ + static_cast<int32_t>(phrases_.size()); }
  const std::vector<Ids>& phrases() const { return phrases_; }

 private:
  PhraseVocabulary(int32_t n_base, std::vector<Ids> phrases);
  struct Node {
    std::map<TokenId, uint32_t> next;
    int32_t phrase = -1;  // that ends here
  };
  int32_t n_base_;
  std::vector<Ids> phrases_;
  std::vector<Node> trie_;
};

}  // namespace whet::vocab
