// BlockLedger: who has which block. Integers alone; it never sees memory.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <vector>

namespace whet {

class BlockLedger {
 public:
  explicit BlockLedger(int64_t n_blocks);

  /// A free block, now with one holder: the one behind `after` where that is free, so that a
  /// growing sequence gets adjacent blocks; else one with much free room behind it. nullopt: none
  /// is free.
  std::optional<int64_t> take(int64_t after = -1);
  /// One more holder of a block that is held or kept.
  void hold(int64_t block);
  /// One holder less. True where the block is now free.
  bool release(int64_t block);
  /// Marks a block that is held as kept: it is not free until drop().
  void keep(int64_t block);
  /// True where the block is now free.
  bool drop(int64_t block);

  int64_t n_holders(int64_t block) const {
    return blocks_.at(static_cast<size_t>(block)).n_holders;
  }
  bool kept(int64_t block) const { return blocks_.at(static_cast<size_t>(block)).kept; }
  /// More than one have it, the keeper included, so that it must not be written.
  bool shared(int64_t block) const { return n_holders(block) + (kept(block) ? 1 : 0) > 1; }

  int64_t n_blocks() const { return static_cast<int64_t>(blocks_.size()); }
  int64_t n_held() const { return n_held_; }
  /// Kept and not held.
  int64_t n_kept() const { return n_kept_; }
  int64_t n_free() const { return n_blocks() - n_held_ - n_kept_; }

 private:
  struct Block {
    int64_t n_holders = 0;
    bool kept = false;
  };
  void free_block(int64_t block);

  std::vector<Block> blocks_;
  std::map<int64_t, int64_t> free_runs_;  // first block to length; never adjacent
  int64_t n_held_ = 0;
  int64_t n_kept_ = 0;
};

}  // namespace whet
