// TokenIndex: a text of token ids that knows where its stretches occurred: the end of a text is
// looked up, and what followed it there is proposed as what follows here.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace whet {

class TokenIndex {
 public:
  /// A token that no text has: nothing is matched or proposed across it.
  static constexpr int32_t kBreak = -1;
  /// Longest match that is told from a longer one.
  static constexpr int64_t kLongest = 48;

  struct Match {
    size_t next = 0;     // position of what followed
    int64_t length = 0;  // tokens before it that agree; 0 = none
  };

  TokenIndex() = default;

  void append(int32_t token);
  void append(std::span<const int32_t> tokens) {
    for (int32_t token : tokens) append(token);
  }
  /// Forgets the oldest tokens but `n`. Takes as long as appending those.
  void keep_last(size_t n);
  std::span<const int32_t> tokens() const { return tokens_; }

  /// The longest occurrence of the end of `text` that something followed, of these the latest;
  /// among so many of the latest as can be looked at in a moment.
  Match find(std::span<const int32_t> text) const;
  /// Up to n tokens that followed a match, none from a break on.
  std::span<const int32_t> following(const Match& match, size_t n) const;

 private:
  // Stretches of these lengths lead to where they ended; longer ones are compared token by token.
  static constexpr std::array<size_t, 3> kOrders = {1, 2, 4};
  static constexpr int32_t kNone = -1;
  struct Chain {
    std::vector<int32_t> latest;    // of each hash: the last position where such a stretch ended
    std::vector<int32_t> previous;  // of each position: the one before it with the same hash
  };

  size_t slot(std::span<const int32_t> end, size_t order) const;
  void enter(size_t position);
  void grow();

  std::vector<int32_t> tokens_;
  std::array<Chain, kOrders.size()> chains_;
};

}  // namespace whet
