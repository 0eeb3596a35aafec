// Merges neighbouring symbols, best pair first, until no pair merges: the core of both
// SentencePiece and byte-pair tokenizers, which differ only in what a pair costs. Time: n log n in
// the symbols.
#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>
#include <vector>

#include "token/tokenizer.h"

namespace whet {

/// A stretch of the text; after merging, the symbols with a length are the result, in order.
struct MergeSymbol {
  uint32_t begin;
  uint32_t length;
  /// kNoToken where the vocabulary has no token for it.
  TokenId id;
  int32_t previous = -1;
  int32_t next = -1;
};

inline constexpr TokenId kNoToken = -1;

struct MergeCandidate {
  float cost;  // the lowest is merged first; at equal cost, the leftmost
  TokenId id;  // of the merged symbol
};

/// The links and the queue of one merge; kept between words to save allocations.
class PairMerging {
 public:
  /// Fill with the first symbols of a word, in order; their links are set by `run`.
  std::vector<MergeSymbol> symbols;

  /// `rule(left, right)` gives the merge of two neighbours, if there is one.
  template <typename Rule>
  void run(Rule rule) {
    queue_.clear();
    const auto n = static_cast<int32_t>(symbols.size());
    for (int32_t i = 0; i < n; ++i) {
      at(i).previous = i - 1;
      at(i).next = i + 1 == n ? -1 : i + 1;
    }
    for (int32_t i = 0; i + 1 < n; ++i) add_entry(i, rule);
    std::make_heap(queue_.begin(), queue_.end());
    while (!queue_.empty()) {
      std::pop_heap(queue_.begin(), queue_.end());
      const Entry best = queue_.back();
      queue_.pop_back();
      MergeSymbol& left = at(best.left);
      // Symbols only grow, so a pair that is still of its size is still the same pair.
      if (left.length == 0 || left.next < 0) continue;
      MergeSymbol& right = at(left.next);
      if (left.length + right.length != best.length) continue;
      left.length = best.length;
      left.id = best.id;
      right.length = 0;
      left.next = right.next;
      if (left.next >= 0) at(left.next).previous = best.left;
      if (left.previous >= 0) consider(left.previous, rule);
      if (left.next >= 0) consider(best.left, rule);
    }
  }

 private:
  struct Entry {
    float cost;
    int32_t left;
    uint32_t length;
    TokenId id;
    // The heap's top is the entry that no other is "less good" than.
    friend bool operator<(const Entry& a, const Entry& b) {
      return a.cost > b.cost || (a.cost == b.cost && a.left > b.left);
    }
  };

  MergeSymbol& at(int32_t i) { return symbols[static_cast<size_t>(i)]; }

  template <typename Rule>
  bool add_entry(int32_t left, Rule& rule) {
    const MergeSymbol& l = at(left);
    const MergeSymbol& r = at(l.next);
    const std::optional<MergeCandidate> merge = rule(l, r);
    if (merge) queue_.push_back({merge->cost, left, l.length + r.length, merge->id});
    return merge.has_value();
  }

  template <typename Rule>
  void consider(int32_t left, Rule& rule) {
    if (add_entry(left, rule)) std::push_heap(queue_.begin(), queue_.end());
  }

  std::vector<Entry> queue_;
};

}  // namespace whet
