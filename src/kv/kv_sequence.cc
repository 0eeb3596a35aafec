#include "kv/kv_sequence.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "base/check.h"
#include "kv/kv_arena.h"

namespace whet {

Result<KvSequence> KvSequence::create(const KvShape& shape) {
  WHET_TRY(KvLayout layout, KvLayout::in_streams(shape));
  auto space = AddressSpace::reserve(layout.sequence_bytes(), AddressSpace::Access::kWrite);
  if (!space.ok()) return space.error().with_context("reserving the KV cache");
  KvSequence sequence(std::make_shared<const KvLayout>(std::move(layout)), std::move(space).value(),
                      nullptr);
  sequence.prepared_ = shape.capacity;
  return sequence;
}

KvSequence::KvSequence(std::shared_ptr<const KvLayout> layout, AddressSpace space, KvArena* arena)
    : layout_(std::move(layout)),
      space_(std::move(space)),
      arena_(arena),
      state_(layout_->shape().state_sizes) {}

KvSequence::~KvSequence() {
  if (arena_ != nullptr) arena_->close(*this);
}

KvSequence::KvSequence(KvSequence&& other) noexcept
    : layout_(other.layout_),
      space_(std::move(other.space_)),
      arena_(std::exchange(other.arena_, nullptr)),
      blocks_(std::move(other.blocks_)),
      size_(std::exchange(other.size_, 0)),
      prepared_(std::exchange(other.prepared_, 0)),
      state_(std::move(other.state_)) {}

KvSequence& KvSequence::operator=(KvSequence&& other) noexcept {
  std::swap(layout_, other.layout_);
  std::swap(space_, other.space_);
  std::swap(arena_, other.arena_);
  std::swap(blocks_, other.blocks_);
  std::swap(size_, other.size_);
  std::swap(prepared_, other.prepared_);
  std::swap(state_, other.state_);
  return *this;
}

Status KvSequence::prepare(int64_t n) {
  WHET_CHECK(n >= 0 && n <= capacity() - size_);
  return arena_ == nullptr ? ok_status() : arena_->prepare(*this, n);
}

void KvSequence::extend(int64_t n) {
  WHET_CHECK(n >= 0 && n <= prepared_ - size_);
  size_ += n;
  state_.end(n);
  if (arena_ != nullptr) arena_->note_size(*this, size_ - n);
}

void KvSequence::rewind(int64_t n) {
  WHET_CHECK(n >= 0 && can_rewind(n));
  state_.go_back(n);
  const int64_t before = std::exchange(size_, n);
  if (arena_ == nullptr) return;
  prepared_ = n;  // what follows may be shared: prepare() looks
  arena_->note_size(*this, before);
}

void KvSequence::copy_prefix(const KvSequence& source, int64_t n) {
  WHET_CHECK(size_ == 0 && n <= source.size_ && n <= prepared_ &&
             shape().layers == source.shape().layers && shape().type == source.shape().type &&
             source.can_rewind(n));
  for (size_t l = 0; l < shape().layers.size(); ++l) {
    const KvLayer from = source.layer(static_cast<int64_t>(l)), to = layer(static_cast<int64_t>(l));
    const uint64_t key_bytes =
        kernels::kv_row_bytes(to.type, static_cast<size_t>(to.shape.key_dim));
    const uint64_t value_bytes =
        kernels::kv_row_bytes(to.type, static_cast<size_t>(to.shape.value_dim));
    for (int64_t head = 0; head < to.shape.n_heads; ++head) {
      for (int64_t first = 0; first < n; first += KvLayout::kBlock) {
        const auto block = static_cast<uint64_t>(first / KvLayout::kBlock);
        const auto rows = static_cast<uint64_t>(std::min(n - first, KvLayout::kBlock));
        const uint64_t panel_rows =
            (rows + kernels::kKeyPanel - 1) / kernels::kKeyPanel * kernels::kKeyPanel;
        std::memcpy(to.keys(head) + block * to.block_stride,
                    from.keys(head) + block * from.block_stride, panel_rows * key_bytes);
        std::memcpy(to.values(head) + block * to.block_stride,
                    from.values(head) + block * from.block_stride, rows * value_bytes);
      }
    }
  }
  extend(n);
  state_.start(n, source.state_.at(n));
}

}  // namespace whet
