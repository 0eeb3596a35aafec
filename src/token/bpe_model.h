// BpeModel: the tokens of one word, by merges in the order in which training found them. Words are
// bytes; a symbol starts as one byte (byte-level) or as one character with fallback to bytes.
#pragma once

#include <array>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "token/merge_table.h"
#include "token/pair_merging.h"
#include "token/vocabulary.h"

namespace whet {

/// The two parts of a merge as the vocabulary spells them, in order of rank.
using MergeParts = std::pair<std::string, std::string>;

struct BpeOptions {
  /// Pieces are spelled in GPT-2's byte alphabet.
  bool byte_level = true;
  /// Characters without a token become "<0xHH>" tokens (not byte-level).
  bool byte_fallback = false;
  /// A word that is a token is that token, without merging.
  bool ignores_merges = false;
  /// What a character without token and fallback becomes. Without it that is an error; Hugging
  /// Face's tokenizers drop the character silently, which no caller wants.
  std::optional<TokenId> unknown;
  /// Neighbouring unknown characters become one token.
  bool fuses_unknown = false;
  /// Of two equal merges the later counts (Hugging Face), not the earlier (llama.cpp).
  bool later_merge_counts = false;
  /// A merge may use or make a piece that is no token (llama.cpp); if it is left over at the end it
  /// falls apart into bytes. Otherwise such a merge is an error (Hugging Face).
  bool merges_beyond_vocabulary = false;
};

class BpeModel {
 public:
  static Result<BpeModel> create(const Vocabulary& vocabulary,
                                 const std::vector<MergeParts>& merges, BpeOptions options);

  /// Appends the tokens of `word`, any bytes. `vocabulary` as at creation.
  Status encode_word(const Vocabulary& vocabulary, std::string_view word, PairMerging& merging,
                     std::vector<TokenId>& ids) const;

 private:
  BpeModel(BpeOptions options, size_t n_merges) : options_(options), merges_(n_merges) {}
  Status split_into_bytes(std::string_view word, PairMerging& merging) const;
  Status split_into_chars(const Vocabulary& vocabulary, std::string_view word,
                          PairMerging& merging) const;
  Status add_unknown(std::string_view word, size_t begin, size_t length,
                     PairMerging& merging) const;

  BpeOptions options_;
  MergeTable merges_;
  TokenId n_tokens_ = 0;  // ids from here on are pieces that are no tokens
  std::array<TokenId, 256> byte_ids_{};
};

}  // namespace whet
