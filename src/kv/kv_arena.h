// KvArena: the keys and values of all sequences, in blocks of one memory file under a budget.
//
// A sequence reserves addresses for its longest context; blocks are mapped as it grows, and pages
// of them become memory when first written. branch() and adopt() map the blocks of another
// sequence (or of the prefix index) into a new one, read-only: nothing is copied. A block that
// several hold is never written: prepare() first copies it, which in practice is the last, partial
// one. What nobody holds goes back to the system at once.
// One thread at a time, that of the engine's loop.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <vector>

#include "base/result.h"
#include "kv/block_ledger.h"
#include "kv/kv_layout.h"
#include "kv/kv_sequence.h"
#include "sys/address_space.h"
#include "sys/shared_memory.h"

namespace whet {

/// The first n positions of a text, in blocks of an arena.
struct KvPrefix {
  std::vector<int64_t> blocks;  // ceil(n / kBlock)
  int64_t n = 0;
  StateValues state = nullptr;  // behind them, where layers have one
};

struct KvStats {
  uint64_t committed_bytes;  // memory of the file, as the kernel counts it
  uint64_t needed_bytes;     // keys and values of all held positions, shared ones once
  uint64_t shared_bytes;     // what sequences would need in addition if none shared
  int64_t n_blocks;          // of the budget
  int64_t n_held;            // by sequences
  int64_t n_kept;            // by the prefix index alone
  int64_t n_sequences;
};

class KvArena {
 public:
  /// Errors: as KvLayout; kInvalidArgument for a budget below one block; kResourceExhausted where
  /// the system has no memory files or addresses.
  static Result<std::unique_ptr<KvArena>> create(const KvShape& shape, uint64_t budget_bytes);
  ~KvArena();
  KvArena(const KvArena&) = delete;
  KvArena& operator=(const KvArena&) = delete;

  /// An empty sequence. Errors: kResourceExhausted where no addresses are left.
  Result<KvSequence> open();
  /// A sequence that begins with the first n positions of `parent`, which could be rewound to n.
  /// Errors: as open().
  Result<KvSequence> branch(KvSequence& parent, int64_t n);
  /// A sequence that begins with a prefix whose blocks somebody holds or keeps. Errors: as open().
  Result<KvSequence> adopt(const KvPrefix& prefix);

  /// Blocks that sequences can still take, those that only the prefix index keeps included.
  int64_t free_blocks() const { return ledger_.n_blocks() - ledger_.n_held(); }
  int64_t total_blocks() const { return ledger_.n_blocks(); }
  static int64_t blocks_for(int64_t n_positions) {
    return (n_positions + KvLayout::kBlock - 1) / KvLayout::kBlock;
  }
  /// States of recurrent layers that fit beside the blocks for sequences that run, and as many for
  /// the prefix index; without bound where no layer has one.
  int64_t max_states() const { return max_states_; }
  KvStats stats() const;
  const KvLayout& layout() const { return *layout_; }
  const KvShape& shape() const { return layout_->shape(); }

  // For the prefix index.

  /// Called when all blocks are taken: must drop() one that no sequence holds, or return false.
  void set_reclaim(std::function<bool()> reclaim) { reclaim_ = std::move(reclaim); }
  /// The blocks of the first n positions, n <= size(), without a state.
  KvPrefix prefix_of(const KvSequence& sequence, int64_t n) const;
  /// Keeps block `index` of the sequence alive, at most once at a time, as it now is.
  void keep(KvSequence& sequence, int64_t index);
  bool kept(int64_t block) const { return ledger_.kept(block); }
  /// True where nobody holds it either.
  bool drop(int64_t block);
  bool held(int64_t block) const { return ledger_.n_holders(block) > 0; }
  /// A kept block with n valid positions that the caller fills. Reclaims nothing.
  /// Errors: kResourceExhausted.
  Result<int64_t> take_kept(int64_t n);
  std::byte* block_data(int64_t block) const;

 private:
  friend class KvSequence;
  KvArena(std::shared_ptr<const KvLayout> layout, SharedMemory memory, AddressSpace all,
          int64_t n_blocks);

  Status prepare(KvSequence& sequence, int64_t n);
  /// Accounts for a size that has changed from `before`.
  void note_size(const KvSequence& sequence, int64_t before);
  void close(KvSequence& sequence);
  /// Takes n blocks, in runs of adjacent ones where possible, the first behind `after`.
  Result<std::vector<int64_t>> take(int64_t n, int64_t after);
  /// Gives the memory of free blocks back to the system.
  void give_back(std::vector<int64_t> blocks);
  /// Maps blocks [first, end) of the sequence, in as few mappings as their runs allow.
  Status map(KvSequence& sequence, size_t first, size_t end);

  std::shared_ptr<const KvLayout> layout_;
  SharedMemory memory_;
  AddressSpace all_;  // the whole file, to copy blocks
  BlockLedger ledger_;
  std::vector<int16_t> filled_;  // valid positions of each block that is held or kept
  std::function<bool()> reclaim_;
  int64_t n_sequences_ = 0;
  int64_t max_states_ = INT64_MAX;
};

}  // namespace whet
