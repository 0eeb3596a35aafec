// Where keys and values lie. A block has kBlock positions and, one behind the other, its layers,
// their KV heads, and of each head the panels of keys and then the rows of values. Positions of a
// layer are thus contiguous within a block, and its blocks evenly spaced, which is all that the
// kernels ask; the block, in whole pages, is the unit of sharing, of release and of files.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "base/result.h"
#include "kernels/kernels.h"

namespace whet {

struct KvLayerShape {
  int64_t n_heads;  // 0: the layer has no keys and values
  int64_t key_dim;
  int64_t value_dim;
  int64_t window = 0;  // positions that a query looks back on, its own included; 0: all

  bool operator==(const KvLayerShape&) const = default;
};

struct KvShape {
  std::vector<KvLayerShape> layers;
  int64_t capacity;  // positions of one sequence
  DType type = DType::F16;
  /// Floats of the state of each layer, one for all positions; empty where no layer has any.
  std::vector<int64_t> state_sizes = {};

  /// All layers alike, keys as wide as values.
  static KvShape uniform(int64_t n_layers, int64_t n_heads, int64_t head_dim, int64_t capacity,
                         DType type = DType::F16);
  /// Bytes of keys and values of one position over all layers.
  uint64_t bytes_per_position() const;
  /// Bytes of the states of all layers, of one sequence.
  uint64_t state_bytes() const;

  bool operator==(const KvShape&) const = default;
};

/// Keys and values of one layer of one sequence, as the kernels take them.
struct KvLayer {
  DType type;
  KvLayerShape shape;
  std::byte* first_keys;    // of head 0
  std::byte* first_values;  // of head 0
  uint64_t head_stride;
  uint64_t block_stride;

  std::byte* keys(int64_t head) const {
    return first_keys + static_cast<uint64_t>(head) * head_stride;
  }
  std::byte* values(int64_t head) const {
    return first_values + static_cast<uint64_t>(head) * head_stride;
  }
};

class KvLayout {
 public:
  /// Positions of a block.
  static constexpr int64_t kBlock = kernels::kKeyBlock;

  /// Errors: kInvalidArgument for a type that does not fit a head, kResourceExhausted where a
  /// sequence would overflow 64 bits.
  static Result<KvLayout> in_blocks(const KvShape& shape);
  /// The same for a cache without blocks: of each layer and head one contiguous stream of keys and
  /// one of values, in memory of sequence_bytes().
  static Result<KvLayout> in_streams(const KvShape& shape);

  const KvShape& shape() const { return shape_; }
  /// From one block to the next of a layout in blocks, whole pages.
  uint64_t block_bytes() const { return block_bytes_; }
  /// Blocks that hold a whole sequence.
  int64_t n_blocks() const { return n_blocks_; }
  uint64_t sequence_bytes() const { return sequence_bytes_; }
  KvLayer layer(std::byte* sequence, int64_t layer) const;

  /// Calls f(offset, bytes) for every piece of a block that its first n positions need, in order.
  template <typename F>
  void for_each_piece(int64_t n, F&& f) const {
    const auto rows = static_cast<uint64_t>(n);
    const uint64_t panel_rows =
        (rows + kernels::kKeyPanel - 1) / kernels::kKeyPanel * kernels::kKeyPanel;
    for (const Place& place : places_) {
      for (int64_t head = 0; head < place.n_heads; ++head) {
        const uint64_t at = place.offset + static_cast<uint64_t>(head) * place.head_stride;
        f(at, panel_rows * place.key_bytes);
        f(at + place.values_offset, rows * place.value_bytes);
      }
    }
  }
  /// Copies the first n positions of a block.
  void copy_positions(const std::byte* from, std::byte* to, int64_t n) const;

 private:
  /// One layer.
  struct Place {
    int64_t n_heads;
    uint64_t key_bytes, value_bytes;  // of a position and head
    uint64_t offset;                  // from the begin of a sequence
    uint64_t values_offset;           // from a head's keys to its values
    uint64_t head_stride, block_stride;
  };

  explicit KvLayout(const KvShape& shape);

  KvShape shape_;
  std::vector<Place> places_;
  uint64_t block_bytes_ = 0, sequence_bytes_ = 0;
  int64_t n_blocks_ = 0;
};

}  // namespace whet
