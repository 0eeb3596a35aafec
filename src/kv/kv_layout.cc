#include "kv/kv_layout.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>

#include "base/check.h"
#include "base/checked_math.h"
#include "sys/address_space.h"

namespace whet {
namespace {

// No real layout comes near it; products below stay far from overflowing.
constexpr uint64_t kMaxSequenceBytes = uint64_t{1} << 56;

uint64_t row_bytes_of(DType type, int64_t dim) {
  return kernels::kv_row_bytes(type, static_cast<size_t>(dim));
}

Status check(const KvShape& shape) {
  WHET_CHECK(!shape.layers.empty() && shape.capacity > 0);
  uint64_t blocks = static_cast<uint64_t>(ceil_div(shape.capacity, KvLayout::kBlock)), bytes = 0;
  for (const KvLayerShape& layer : shape.layers) {
    if (layer.n_heads == 0) continue;  // a layer without keys and values
    WHET_CHECK(layer.n_heads > 0 && layer.key_dim > 0 && layer.value_dim > 0 && layer.window >= 0);
    for (int64_t dim : {layer.key_dim, layer.value_dim}) {
      if (!kernels::kv_type_supported(shape.type, static_cast<size_t>(dim))) {
        return Error(
            ErrorCode::kInvalidArgument,
            fmt::format("KV cache type: expected f32, f16, bf16, or q8_0 for heads that 32 "
                        "divides, found {} for heads of {}",
                        dtype_info(shape.type).name, dim));
      }
    }
    const auto rows =
        checked_mul(static_cast<uint64_t>(layer.n_heads),
                    2 * row_bytes_of(shape.type, std::max(layer.key_dim, layer.value_dim)) *
                        static_cast<uint64_t>(KvLayout::kBlock));
    const auto layer_bytes = rows ? checked_mul(*rows + page_bytes(), blocks) : std::nullopt;
    const auto total = layer_bytes ? checked_add(bytes, *layer_bytes) : std::nullopt;
    if (!total || *total > kMaxSequenceBytes) {
      return Error(
          ErrorCode::kResourceExhausted,
          fmt::format("the KV cache of a context of {} positions overflows", shape.capacity));
    }
    bytes = *total;
  }
  return ok_status();
}

}  // namespace

KvShape KvShape::uniform(int64_t n_layers, int64_t n_heads, int64_t head_dim, int64_t capacity,
                         DType type) {
  WHET_CHECK(n_layers > 0);
  return {std::vector<KvLayerShape>(static_cast<size_t>(n_layers), {n_heads, head_dim, head_dim}),
          capacity, type};
}

uint64_t KvShape::bytes_per_position() const {
  uint64_t bytes = 0;
  for (const KvLayerShape& layer : layers) {
    bytes += static_cast<uint64_t>(layer.n_heads) *
             (row_bytes_of(type, layer.key_dim) + row_bytes_of(type, layer.value_dim));
  }
  return bytes;
}

uint64_t KvShape::state_bytes() const {
  uint64_t floats = 0;
  for (const int64_t size : state_sizes) floats += static_cast<uint64_t>(size);
  return floats * sizeof(float);
}

KvLayout::KvLayout(const KvShape& shape)
    : shape_(shape), n_blocks_(ceil_div(shape.capacity, kBlock)) {
  for (const KvLayerShape& layer : shape.layers) {
    places_.push_back({.n_heads = layer.n_heads,
                       .key_bytes = row_bytes_of(shape.type, layer.key_dim),
                       .value_bytes = row_bytes_of(shape.type, layer.value_dim),
                       .offset = 0,
                       .values_offset = 0,
                       .head_stride = 0,
                       .block_stride = 0});
  }
}

Result<KvLayout> KvLayout::in_blocks(const KvShape& shape) {
  WHET_TRY_STATUS(check(shape));
  KvLayout layout(shape);
  for (Place& place : layout.places_) {
    place.offset = layout.block_bytes_;
    place.values_offset = kBlock * place.key_bytes;
    place.head_stride = kBlock * (place.key_bytes + place.value_bytes);
    layout.block_bytes_ += static_cast<uint64_t>(place.n_heads) * place.head_stride;
  }
  layout.block_bytes_ = *checked_align_up(std::max(layout.block_bytes_, uint64_t{1}), page_bytes());
  for (Place& place : layout.places_) place.block_stride = layout.block_bytes_;
  layout.sequence_bytes_ = static_cast<uint64_t>(layout.n_blocks_) * layout.block_bytes_;
  return layout;
}

Result<KvLayout> KvLayout::in_streams(const KvShape& shape) {
  WHET_TRY_STATUS(check(shape));
  KvLayout layout(shape);
  for (Place& place : layout.places_) {
    // The kernels know one stride, that of the wider stream.
    place.offset = layout.sequence_bytes_;
    place.block_stride = kBlock * std::max(place.key_bytes, place.value_bytes);
    const uint64_t stream = *checked_align_up(
        static_cast<uint64_t>(layout.n_blocks_) * place.block_stride, page_bytes());
    place.values_offset = stream;
    place.head_stride = 2 * stream;
    layout.sequence_bytes_ += static_cast<uint64_t>(place.n_heads) * place.head_stride;
  }
  return layout;
}

KvLayer KvLayout::layer(std::byte* sequence, int64_t layer) const {
  const auto at = static_cast<size_t>(layer);
  const Place& place = places_[at];
  std::byte* keys = sequence + place.offset;
  return {shape_.type,       shape_.layers[at], keys, keys + place.values_offset,
          place.head_stride, place.block_stride};
}

void KvLayout::copy_positions(const std::byte* from, std::byte* to, int64_t n) const {
  for_each_piece(
      n, [&](uint64_t offset, uint64_t bytes) { std::memcpy(to + offset, from + offset, bytes); });
}

}  // namespace whet
