// The keys and values of one sequence. Each (layer, KV head) has one contiguous stream of keys and
// one of values on reserved address space; memory is committed page by page as positions are
// written, so a long context costs nothing until it is used.
#pragma once

#include <cstdint>

#include "base/result.h"
#include "kernels/kernels.h"
#include "sys/address_space.h"

namespace whet {

struct KvShape {
  int64_t n_layers;
  int64_t n_kv_heads;
  int64_t head_dim;
  int64_t capacity;  // positions; rounded up to whole key panels
  DType type = DType::F16;

  /// Bytes of keys and values of one position over all layers.
  uint64_t bytes_per_position() const {
    return static_cast<uint64_t>(2 * n_layers * n_kv_heads) *
           kernels::kv_row_bytes(type, static_cast<size_t>(head_dim));
  }
};

class KvSequence {
 public:
  /// Errors: kInvalidArgument for a type that does not fit the head, kResourceExhausted.
  static Result<KvSequence> create(const KvShape& shape);

  /// Keys (values) of one layer and KV head in the layout of kernels::AppendKvArgs.
  std::byte* keys(int64_t layer, int64_t head) {
    return stream(2 * (layer * shape_.n_kv_heads + head));
  }
  std::byte* values(int64_t layer, int64_t head) {
    return stream(2 * (layer * shape_.n_kv_heads + head) + 1);
  }

  const KvShape& shape() const { return shape_; }
  /// Positions that hold valid keys and values.
  int64_t size() const { return size_; }
  /// Declares the next n positions written (by the attention operator, in every layer).
  void extend(int64_t n);
  /// Forgets positions from n on and gives their memory back.
  void truncate(int64_t n);
  /// Takes the first n positions of another sequence of the same shape.
  void copy_prefix(const KvSequence& source, int64_t n);

  /// Memory behind the written positions, in whole pages.
  uint64_t committed_bytes() const;

 private:
  KvSequence(const KvShape& shape, uint64_t stream_bytes, AddressSpace space);
  std::byte* stream(int64_t index) const {
    return space_.data() + static_cast<uint64_t>(index) * stream_bytes_;
  }
  uint64_t row_bytes() const {
    return kernels::kv_row_bytes(shape_.type, static_cast<size_t>(shape_.head_dim));
  }
  int64_t n_streams() const { return 2 * shape_.n_layers * shape_.n_kv_heads; }
  /// Bytes of one stream that hold the first n positions, in whole key panels.
  uint64_t prefix_bytes(int64_t n) const;

  KvShape shape_;
  uint64_t stream_bytes_;
  AddressSpace space_;
  int64_t size_ = 0;
};

}  // namespace whet
