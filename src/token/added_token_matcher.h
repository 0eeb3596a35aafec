// Finds control and user-defined tokens in raw text, leftmost first and the longest at a place, so
// that the text between them can be tokenized on its own. Cost: a walk down a trie per byte.
#pragma once

#include <array>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "token/tokenizer.h"

namespace whet {

struct AddedToken {
  TokenId id;
  std::string text;
  /// White space on that side belongs to the token and vanishes.
  bool strips_left = false;
  bool strips_right = false;
  /// Only where neither neighbour is a word character.
  bool whole_word = false;
  /// Never matches a stretch that touches text written by a user.
  bool control = false;
};

/// A stretch of the text: an added token, or ordinary text where `token` is empty.
struct Fragment {
  std::string_view text;
  std::optional<TokenId> token;
};

class AddedTokenMatcher {
 public:
  /// Tokens without text are ignored; of two with the same text the first counts.
  explicit AddedTokenMatcher(std::vector<AddedToken> tokens);

  /// Fragments in order; ordinary ones are never empty and never adjacent. Views into `text`.
  /// `user_ranges`, ascending and disjoint, were written by a user.
  std::vector<Fragment> split(std::string_view text, std::span<const TextRange> user_ranges) const;
  /// Where control tokens stand in a text that no user wrote, in order.
  std::vector<TextRange> control_spellings(std::string_view text) const;
  bool empty() const { return tokens_.empty(); }

 private:
  struct Node {
    int32_t token = -1;  // index into tokens_
    std::vector<std::pair<unsigned char, int32_t>> children;
  };
  int32_t child(int32_t node, unsigned char byte) const;
  /// The longest token that starts `text`; control tokens only if they end before `control_limit`.
  const AddedToken* longest_at_start(std::string_view text, size_t control_limit) const;

  std::vector<AddedToken> tokens_;
  std::vector<Node> nodes_;
  std::array<bool, 256> starts_token_{};
};

}  // namespace whet
