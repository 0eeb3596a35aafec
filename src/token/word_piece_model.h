// WordPieceModel: a word in the longest pieces from its start on, those after the first spelled
// with a prefix ("##"), as BERT's vocabularies have it.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "token/vocabulary.h"

namespace whet {

struct WordPieceOptions {
  /// What a word becomes that pieces cannot spell to its end.
  TokenId unknown;
  std::string prefix = "##";
  /// In characters; a longer word is unknown.
  int64_t longest_word = 100;
};

class WordPieceModel {
 public:
  explicit WordPieceModel(WordPieceOptions options) : options_(std::move(options)) {}

  /// Appends the tokens of `word`, any bytes.
  void encode_word(const Vocabulary& vocabulary, std::string_view word,
                   std::vector<TokenId>& ids) const;

 private:
  WordPieceOptions options_;
};

}  // namespace whet
