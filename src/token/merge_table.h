// MergeTable: (left token, right token) -> what they merge into and how early. Open addressing,
// because every pair of neighbours of every word is looked up.
#pragma once

#include <cstdint>
#include <vector>

#include "token/tokenizer.h"

namespace whet {

class MergeTable {
 public:
  struct Merge {
    uint32_t rank;
    TokenId merged;
  };

  explicit MergeTable(size_t n_merges);

  /// Of two merges of the same pair the later counts if `replaces`, else the earlier.
  void insert(TokenId left, TokenId right, Merge merge, bool replaces);

  const Merge* find(TokenId left, TokenId right) const {
    const uint64_t wanted = key(left, right);
    for (size_t slot = first_slot(wanted);; slot = (slot + 1) & mask_) {
      if (slots_[slot].key == wanted) return &slots_[slot].merge;
      if (slots_[slot].key == kEmpty) return nullptr;
    }
  }

 private:
  struct Slot {
    uint64_t key;
    Merge merge;
  };
  static constexpr uint64_t kEmpty = ~uint64_t{0};  // of token -1 twice: never a key

  static uint64_t key(TokenId left, TokenId right) {
    return (uint64_t{static_cast<uint32_t>(left)} << 32) | static_cast<uint32_t>(right);
  }
  size_t first_slot(uint64_t key) const;

  std::vector<Slot> slots_;
  size_t mask_;
  size_t n_used_ = 0;
};

}  // namespace whet
