#include "kv/kv_arena.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "base/check.h"
#include "base/checked_math.h"

namespace whet {

Result<std::unique_ptr<KvArena>> KvArena::create(const KvShape& shape, uint64_t budget_bytes) {
  WHET_TRY(KvLayout layout, KvLayout::in_blocks(shape));
  int64_t max_states = INT64_MAX;
  if (const uint64_t state_bytes = shape.state_bytes(); state_bytes > 0) {
    budget_bytes /= 2;
    max_states = std::max<int64_t>(1, static_cast<int64_t>(budget_bytes / 2 / state_bytes));
  }
  const uint64_t n_blocks = budget_bytes / layout.block_bytes();
  if (n_blocks == 0) {
    return Error(ErrorCode::kInvalidArgument,
                 fmt::format("memory for keys and values: expected at least one block of {} "
                             "positions, {} bytes, found {} bytes",
                             KvLayout::kBlock, layout.block_bytes(), budget_bytes));
  }
  const uint64_t bytes = n_blocks * layout.block_bytes();
  WHET_TRY(SharedMemory memory, SharedMemory::create("whet-kv", bytes));
  WHET_TRY(AddressSpace all, AddressSpace::reserve(bytes, AddressSpace::Access::kNone));
  WHET_TRY_STATUS(all.map(0, memory, 0, bytes, AddressSpace::Access::kWrite));
  auto arena = std::unique_ptr<KvArena>(
      new KvArena(std::make_shared<const KvLayout>(std::move(layout)), std::move(memory),
                  std::move(all), static_cast<int64_t>(n_blocks)));
  arena->max_states_ = max_states;
  return arena;
}

KvArena::KvArena(std::shared_ptr<const KvLayout> layout, SharedMemory memory, AddressSpace all,
                 int64_t n_blocks)
    : layout_(std::move(layout)),
      memory_(std::move(memory)),
      all_(std::move(all)),
      ledger_(n_blocks),
      filled_(static_cast<size_t>(n_blocks)) {}

KvArena::~KvArena() {
  WHET_CHECK(n_sequences_ == 0);
}

Result<KvSequence> KvArena::open() {
  return adopt({});
}

Result<KvSequence> KvArena::branch(KvSequence& parent, int64_t n) {
  WHET_CHECK(parent.arena_ == this);
  WHET_CHECK(parent.can_rewind(n));
  KvPrefix prefix = prefix_of(parent, n);
  prefix.state = parent.state_.at(n);
  auto child = adopt(prefix);
  parent.prepared_ = std::min(parent.prepared_, parent.size_);  // its last block is now shared
  return child;
}

Result<KvSequence> KvArena::adopt(const KvPrefix& prefix) {
  WHET_CHECK(prefix.n >= 0 && prefix.n <= shape().capacity &&
             static_cast<int64_t>(prefix.blocks.size()) == blocks_for(prefix.n));
  auto space = AddressSpace::reserve(layout_->sequence_bytes(), AddressSpace::Access::kNone);
  if (!space.ok()) return space.error().with_context("opening a sequence of keys and values");
  KvSequence sequence(layout_, std::move(space).value(), this);
  ++n_sequences_;  // closes itself from here on
  for (int64_t block : prefix.blocks) {
    ledger_.hold(block);
    sequence.blocks_.push_back({block, /*writable=*/false});
  }
  WHET_TRY_STATUS(map(sequence, 0, sequence.blocks_.size()));
  sequence.size_ = sequence.prepared_ = prefix.n;
  sequence.state_.start(prefix.n, prefix.state);
  return sequence;
}

KvPrefix KvArena::prefix_of(const KvSequence& sequence, int64_t n) const {
  WHET_CHECK(sequence.arena_ == this && n >= 0 && n <= sequence.size_);
  KvPrefix prefix{{}, n};
  for (int64_t i = 0; i < blocks_for(n); ++i) {
    prefix.blocks.push_back(sequence.blocks_[static_cast<size_t>(i)].id);
  }
  return prefix;
}

Status KvArena::prepare(KvSequence& sequence, int64_t n) {
  if (n <= sequence.prepared_ - sequence.size_) return ok_status();
  const auto first = static_cast<size_t>(sequence.size_ / KvLayout::kBlock);
  const auto end = static_cast<size_t>(blocks_for(sequence.size_ + n));
  std::vector<KvSequence::Block> before = sequence.blocks_;
  std::vector<KvSequence::Block>& blocks = sequence.blocks_;

  std::vector<size_t> wanting;  // a block of their own
  for (size_t i = first; i < end; ++i) {
    if (i >= blocks.size() || ledger_.shared(blocks[i].id)) wanting.push_back(i);
  }
  const int64_t after = first > 0 ? blocks[first - 1].id : -1;
  WHET_TRY(const std::vector<int64_t> taken, take(static_cast<int64_t>(wanting.size()), after));
  blocks.resize(std::max(blocks.size(), end), {-1, false});
  for (size_t i = 0; i < wanting.size(); ++i) {
    // Only the block of position size() can be shared and hold something still valid.
    const int64_t n_valid = wanting[i] == first ? sequence.size_ % KvLayout::kBlock : 0;
    if (n_valid > 0) {
      layout_->copy_positions(block_data(blocks[first].id), block_data(taken[i]), n_valid);
      filled_[static_cast<size_t>(taken[i])] = static_cast<int16_t>(n_valid);
    }
    blocks[wanting[i]] = {taken[i], false};
  }
  const auto unwritable = [](const KvSequence::Block& block) { return !block.writable; };
  const auto from = std::find_if(blocks.begin() + static_cast<std::ptrdiff_t>(first),
                                 blocks.begin() + static_cast<std::ptrdiff_t>(end), unwritable);
  const auto changed = static_cast<size_t>(from - blocks.begin());
  for (size_t i = changed; i < end; ++i) blocks[i].writable = true;
  if (Status mapped = map(sequence, changed, end); !mapped.ok()) {
    std::swap(blocks, before);
    WHET_CHECK(map(sequence, std::min(changed, blocks.size()), std::min(end, blocks.size())).ok());
    for (int64_t block : taken) ledger_.release(block);
    give_back(taken);
    return mapped.error();
  }
  std::vector<int64_t> freed;
  for (size_t i : wanting) {
    if (i < before.size() && ledger_.release(before[i].id)) freed.push_back(before[i].id);
  }
  give_back(std::move(freed));
  sequence.prepared_ = std::min(shape().capacity, static_cast<int64_t>(end) * KvLayout::kBlock);
  return ok_status();
}

Result<std::vector<int64_t>> KvArena::take(int64_t n, int64_t after) {
  std::vector<int64_t> blocks;
  while (static_cast<int64_t>(blocks.size()) < n) {
    auto block = ledger_.take(blocks.empty() ? after : blocks.back());
    if (!block && reclaim_ && reclaim_()) continue;
    if (!block) {
      const int64_t n_taken = static_cast<int64_t>(blocks.size());
      for (int64_t taken : blocks) ledger_.release(taken);
      return Error(ErrorCode::kResourceExhausted,
                   fmt::format("keys and values: expected {} free blocks of {} positions, found {} "
                               "of {}; allow more memory for them or fewer tokens at a time",
                               n, KvLayout::kBlock, n_taken, total_blocks()));
    }
    filled_[static_cast<size_t>(*block)] = 0;
    blocks.push_back(*block);
  }
  return blocks;
}

Status KvArena::map(KvSequence& sequence, size_t first, size_t end) {
  const std::vector<KvSequence::Block>& blocks = sequence.blocks_;
  const uint64_t block_bytes = layout_->block_bytes();
  while (first < end) {
    size_t next = first + 1;
    while (next < end && blocks[next].id == blocks[next - 1].id + 1 &&
           blocks[next].writable == blocks[first].writable) {
      ++next;
    }
    WHET_TRY_STATUS(sequence.space_.map(
        first * block_bytes, memory_, static_cast<uint64_t>(blocks[first].id) * block_bytes,
        (next - first) * block_bytes,
        blocks[first].writable ? AddressSpace::Access::kWrite : AddressSpace::Access::kRead));
    first = next;
  }
  return ok_status();
}

void KvArena::note_size(const KvSequence& sequence, int64_t before) {
  const int64_t low = std::min(before, sequence.size_), high = std::max(before, sequence.size_);
  for (int64_t i = low / KvLayout::kBlock; i < blocks_for(high); ++i) {
    const int64_t block = sequence.blocks_[static_cast<size_t>(i)].id;
    int16_t& filled = filled_[static_cast<size_t>(block)];
    const auto n = static_cast<int16_t>(
        std::clamp<int64_t>(sequence.size_ - i * KvLayout::kBlock, 0, KvLayout::kBlock));
    filled = ledger_.shared(block) ? std::max(filled, n) : n;
  }
}

void KvArena::close(KvSequence& sequence) {
  sequence.space_ = AddressSpace();
  std::vector<int64_t> freed;
  for (const KvSequence::Block& block : sequence.blocks_) {
    if (ledger_.release(block.id)) freed.push_back(block.id);
  }
  give_back(std::move(freed));
  --n_sequences_;
}

void KvArena::keep(KvSequence& sequence, int64_t index) {
  WHET_CHECK(sequence.arena_ == this && index < blocks_for(sequence.size_));
  ledger_.keep(sequence.blocks_[static_cast<size_t>(index)].id);
  sequence.prepared_ = std::min(sequence.prepared_, sequence.size_);  // its last block is shared
}

bool KvArena::drop(int64_t block) {
  const bool freed = ledger_.drop(block);
  if (freed) give_back({block});
  return freed;
}

Result<int64_t> KvArena::take_kept(int64_t n) {
  WHET_CHECK(n > 0 && n <= KvLayout::kBlock);
  const auto block = ledger_.take();
  if (!block) return Error(ErrorCode::kResourceExhausted, "no block of keys and values is free");
  ledger_.keep(*block);
  ledger_.release(*block);
  filled_[static_cast<size_t>(*block)] = static_cast<int16_t>(n);
  return *block;
}

std::byte* KvArena::block_data(int64_t block) const {
  return all_.data() + static_cast<uint64_t>(block) * layout_->block_bytes();
}

void KvArena::give_back(std::vector<int64_t> blocks) {
  std::sort(blocks.begin(), blocks.end());
  const uint64_t block_bytes = layout_->block_bytes();
  for (size_t first = 0, next; first < blocks.size(); first = next) {
    next = first + 1;
    while (next < blocks.size() && blocks[next] == blocks[next - 1] + 1) ++next;
    memory_.release(static_cast<uint64_t>(blocks[first]) * block_bytes,
                    (next - first) * block_bytes);
  }
}

KvStats KvArena::stats() const {
  uint64_t needed = 0, shared = 0;
  for (int64_t i = 0; i < ledger_.n_blocks(); ++i) {
    const int64_t n_holders = ledger_.n_holders(i);
    if (n_holders == 0 && !ledger_.kept(i)) continue;
    const auto filled = static_cast<uint64_t>(filled_[static_cast<size_t>(i)]);
    needed += filled;
    if (n_holders > 1) shared += filled * static_cast<uint64_t>(n_holders - 1);
  }
  const uint64_t position = shape().bytes_per_position();
  return {.committed_bytes = memory_.committed_bytes(),
          .needed_bytes = needed * position,
          .shared_bytes = shared * position,
          .n_blocks = ledger_.n_blocks(),
          .n_held = ledger_.n_held(),
          .n_kept = ledger_.n_kept(),
          .n_sequences = n_sequences_};
}

}  // namespace whet
