#include "kv/block_ledger.h"

#include <algorithm>

#include "base/check.h"

namespace whet {

BlockLedger::BlockLedger(int64_t n_blocks) {
  WHET_CHECK(n_blocks > 0);
  blocks_.resize(static_cast<size_t>(n_blocks));
  free_runs_[0] = n_blocks;
}

std::optional<int64_t> BlockLedger::take(int64_t after) {
  if (free_runs_.empty()) return std::nullopt;
  auto run = after < 0 ? free_runs_.end() : free_runs_.find(after + 1);
  int64_t block = after + 1;
  if (run == free_runs_.end()) {
    // The middle of the longest run: its owner and that of the run before can both grow.
    run = std::max_element(free_runs_.begin(), free_runs_.end(),
                           [](const auto& a, const auto& b) { return a.second < b.second; });
    block = run->first + run->second / 2;
  }
  const auto [first, length] = *run;
  free_runs_.erase(run);
  if (block > first) free_runs_[first] = block - first;
  if (block + 1 < first + length) free_runs_[block + 1] = first + length - block - 1;
  blocks_[static_cast<size_t>(block)].n_holders = 1;
  ++n_held_;
  return block;
}

void BlockLedger::hold(int64_t block) {
  Block& b = blocks_.at(static_cast<size_t>(block));
  WHET_CHECK(b.n_holders > 0 || b.kept);
  if (b.n_holders++ == 0) {
    ++n_held_;
    --n_kept_;
  }
}

bool BlockLedger::release(int64_t block) {
  Block& b = blocks_.at(static_cast<size_t>(block));
  WHET_CHECK(b.n_holders > 0);
  if (--b.n_holders > 0) return false;
  --n_held_;
  if (b.kept) {
    ++n_kept_;
    return false;
  }
  free_block(block);
  return true;
}

void BlockLedger::keep(int64_t block) {
  Block& b = blocks_.at(static_cast<size_t>(block));
  WHET_CHECK(b.n_holders > 0 && !b.kept);
  b.kept = true;
}

bool BlockLedger::drop(int64_t block) {
  Block& b = blocks_.at(static_cast<size_t>(block));
  WHET_CHECK(b.kept);
  b.kept = false;
  if (b.n_holders > 0) return false;
  --n_kept_;
  free_block(block);
  return true;
}

void BlockLedger::free_block(int64_t block) {
  auto next = free_runs_.lower_bound(block);
  int64_t length = 1;
  if (next != free_runs_.end() && next->first == block + 1) {
    length += next->second;
    next = free_runs_.erase(next);
  }
  if (next != free_runs_.begin()) {
    const auto before = std::prev(next);
    if (before->first + before->second == block) {
      before->second += length;
      return;
    }
  }
  free_runs_[block] = length;
}

}  // namespace whet
