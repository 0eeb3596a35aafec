#include "kv/kv_sequence.h"

#include <cstring>
#include <utility>

#include "base/check.h"
#include "base/checked_math.h"
#include "kernels/kernels.h"

namespace whet {

Result<KvSequence> KvSequence::create(const KvShape& shape) {
  WHET_CHECK(shape.n_layers > 0 && shape.n_kv_heads > 0 && shape.head_dim > 0 &&
             shape.capacity > 0);
  uint64_t capacity =
      ceil_div(static_cast<uint64_t>(shape.capacity), uint64_t{kernels::kKeyPanel}) *
      kernels::kKeyPanel;
  auto rows = checked_mul(capacity, static_cast<uint64_t>(shape.head_dim) * sizeof(uint16_t));
  auto stream = rows ? checked_align_up(*rows, page_bytes()) : std::nullopt;
  auto total =
      stream ? checked_mul(*stream, static_cast<uint64_t>(2 * shape.n_layers * shape.n_kv_heads))
             : std::nullopt;
  if (!total) return Error(ErrorCode::kResourceExhausted, "the KV cache of this context overflows");
  auto space = AddressSpace::reserve(*total);
  if (!space.ok()) return space.error().with_context("reserving the KV cache");
  return KvSequence(shape, *stream, std::move(space).value());
}

KvSequence::KvSequence(const KvShape& shape, uint64_t stream_bytes, AddressSpace space)
    : shape_(shape), stream_bytes_(stream_bytes), space_(std::move(space)) {}

void KvSequence::extend(int64_t n) {
  WHET_CHECK(n >= 0 && size_ + n <= shape_.capacity);
  size_ += n;
}

void KvSequence::truncate(int64_t n) {
  WHET_CHECK(n >= 0 && n <= size_);
  for (int64_t i = 0; i < n_streams(); ++i) {
    uint64_t begin = static_cast<uint64_t>(i) * stream_bytes_;
    space_.release(begin + prefix_bytes(n), begin + stream_bytes_);
  }
  size_ = n;
}

void KvSequence::copy_prefix(const KvSequence& source, int64_t n) {
  WHET_CHECK(
      n <= source.size_ && n <= shape_.capacity && shape_.n_layers == source.shape_.n_layers &&
      shape_.n_kv_heads == source.shape_.n_kv_heads && shape_.head_dim == source.shape_.head_dim);
  for (int64_t i = 0; i < n_streams(); ++i) {
    std::memcpy(stream(i), source.stream(i), prefix_bytes(n));
  }
  size_ = n;
}

uint64_t KvSequence::prefix_bytes(int64_t n) const {
  uint64_t positions =
      ceil_div(static_cast<uint64_t>(n), uint64_t{kernels::kKeyPanel}) * kernels::kKeyPanel;
  return positions * static_cast<uint64_t>(shape_.head_dim) * sizeof(uint16_t);
}

uint64_t KvSequence::committed_bytes() const {
  uint64_t used = *checked_align_up(prefix_bytes(size_), page_bytes());
  return used * static_cast<uint64_t>(n_streams());
}

}  // namespace whet
