// UnigramModel: the most probable way to spell a word in pieces, as SentencePiece's unigram models
// and Hugging Face's tokenizers find it.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/result.h"
#include "token/pair_merging.h"
#include "token/vocabulary.h"

namespace whet {

struct UnigramOptions {
  /// What a character that no piece has becomes; neighbours become one. Without it, and without
  /// bytes, that is an error.
  std::optional<TokenId> unknown;
  /// Such characters become "<0xHH>" tokens.
  bool byte_fallback = false;
};

class UnigramModel {
 public:
  /// Errors: more pieces than the trie can hold. The vocabulary's scores are log-probabilities.
  static Result<UnigramModel> create(const Vocabulary& vocabulary, UnigramOptions options);

  /// Appends the tokens of `word`, any bytes. `vocabulary` as at creation.
  Status encode_word(const Vocabulary& vocabulary, std::string_view word,
                     std::vector<TokenId>& ids) const;

 private:
  /// The best spelling that ends here.
  struct Step {
    double score = 0;
    size_t begin = 0;
    TokenId id = kNoToken;  // none: a character that no piece has
    bool reached = false;
  };
  explicit UnigramModel(UnigramOptions options) : options_(options) {}
  void extend(const Vocabulary& vocabulary, std::string_view word, size_t begin, size_t char_length,
              std::vector<Step>& steps) const;
  Status add_unknown(const Vocabulary& vocabulary, std::string_view text,
                     std::vector<TokenId>& ids) const;

  UnigramOptions options_;
  std::unordered_map<uint64_t, uint32_t> children_;  // by node * 256 + byte
  std::vector<TokenId> tokens_;                      // by node, kNoToken where no piece ends
  double unknown_score_ = 0;
};

}  // namespace whet
