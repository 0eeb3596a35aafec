#include "kv/kv_sequence.h"

#include <fmt/format.h>

#include <cstring>
#include <utility>

#include "base/check.h"
#include "base/checked_math.h"
#include "kernels/kernels.h"

namespace whet {

Result<KvSequence> KvSequence::create(const KvShape& shape) {
  WHET_CHECK(shape.n_layers > 0 && shape.n_kv_heads > 0 && shape.head_dim > 0 &&
             shape.capacity > 0);
  if (!kernels::kv_type_supported(shape.type, static_cast<size_t>(shape.head_dim))) {
    return Error(ErrorCode::kInvalidArgument,
                 fmt::format("KV cache type: expected f32, f16, bf16, or q8_0 for heads that 32 "
                             "divides, found {} for heads of {}",
                             dtype_info(shape.type).name, shape.head_dim));
  }
  uint64_t capacity =
      ceil_div(static_cast<uint64_t>(shape.capacity), uint64_t{kernels::kKeyPanel}) *
      kernels::kKeyPanel;
  auto rows =
      checked_mul(capacity, kernels::kv_row_bytes(shape.type, static_cast<size_t>(shape.head_dim)));
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
  WHET_CHECK(n <= source.size_ && n <= shape_.capacity &&
             shape_.n_layers == source.shape_.n_layers &&
             shape_.n_kv_heads == source.shape_.n_kv_heads &&
             shape_.head_dim == source.shape_.head_dim && shape_.type == source.shape_.type);
  for (int64_t i = 0; i < n_streams(); ++i) {
    std::memcpy(stream(i), source.stream(i), prefix_bytes(n));
  }
  size_ = n;
}

uint64_t KvSequence::prefix_bytes(int64_t n) const {
  uint64_t positions =
      ceil_div(static_cast<uint64_t>(n), uint64_t{kernels::kKeyPanel}) * kernels::kKeyPanel;
  return positions * row_bytes();
}

uint64_t KvSequence::committed_bytes() const {
  uint64_t used = *checked_align_up(prefix_bytes(size_), page_bytes());
  return used * static_cast<uint64_t>(n_streams());
}

}  // namespace whet
