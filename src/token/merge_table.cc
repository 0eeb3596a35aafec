#include "token/merge_table.h"

#include <bit>

#include "base/check.h"
#include "base/rng.h"

namespace whet {

MergeTable::MergeTable(size_t n_merges)
    : slots_(std::bit_ceil(2 * n_merges + 2), Slot{kEmpty, {0, 0}}), mask_(slots_.size() - 1) {}

size_t MergeTable::first_slot(uint64_t key) const {
  return static_cast<size_t>(splitmix64(key)) & mask_;
}

void MergeTable::insert(TokenId left, TokenId right, Merge merge, bool replaces) {
  WHET_CHECK(left >= 0 && right >= 0 && 2 * n_used_ < slots_.size());
  const uint64_t wanted = key(left, right);
  size_t slot = first_slot(wanted);
  while (slots_[slot].key != kEmpty && slots_[slot].key != wanted) slot = (slot + 1) & mask_;
  if (slots_[slot].key == wanted && !replaces) return;
  if (slots_[slot].key == kEmpty) ++n_used_;
  slots_[slot] = {wanted, merge};
}

}  // namespace whet
