// Keys and values for tests: written by the kernel, read back as the bytes that count.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "base/rng.h"
#include "kv/kv_sequence.h"

namespace whet {

inline constexpr DType kKvTypes[] = {DType::F32, DType::F16, DType::BF16, DType::Q8_0};

class TestKeysAndValues {
 public:
  explicit TestKeysAndValues(const KvShape& shape) : shape_(shape) {}

  /// Prepares and writes the next n positions; what they hold follows from the position and `salt`.
  void write(KvSequence& kv, int64_t n, uint64_t salt) const {
    ASSERT_TRUE(kv.prepare(n).ok());
    for (size_t l = 0; l < shape_.layers.size(); ++l) {
      const KvLayer layer = kv.layer(static_cast<int64_t>(l));
      const auto key_dim = static_cast<size_t>(layer.shape.key_dim);
      const auto value_dim = static_cast<size_t>(layer.shape.value_dim);
      for (int64_t head = 0; head < layer.shape.n_heads; ++head) {
        for (int64_t i = 0; i < n; ++i) {
          const int64_t position = kv.size() + i;
          const auto k = row(salt, l, head, 2 * position, key_dim);
          const auto v = row(salt, l, head, 2 * position + 1, value_dim);
          kernels::kernels().append_kv({.type = layer.type,
                                        .k = k.data(),
                                        .k_stride = key_dim,
                                        .v = v.data(),
                                        .v_stride = value_dim,
                                        .n_tokens = 1,
                                        .key_dim = key_dim,
                                        .value_dim = value_dim,
                                        .position = static_cast<size_t>(position),
                                        .k_cache = layer.keys(head),
                                        .v_cache = layer.values(head),
                                        .block_stride = layer.block_stride});
        }
      }
    }
    kv.extend(n);
  }

  /// The bytes of the first n positions (default: all), without what lies beyond them.
  std::vector<std::byte> bytes(const KvSequence& kv, int64_t n = -1) const {
    std::vector<std::byte> out;
    if (n < 0) n = kv.size();
    for (size_t l = 0; l < shape_.layers.size(); ++l) {
      const KvLayer layer = kv.layer(static_cast<int64_t>(l));
      for (int64_t head = 0; head < layer.shape.n_heads; ++head) {
        for (int64_t i = 0; i < n; ++i) {
          const auto block = static_cast<uint64_t>(i / KvLayout::kBlock) * layer.block_stride;
          add_key(layer, layer.keys(head) + block, i % KvLayout::kBlock, out);
          const auto row_bytes =
              kernels::kv_row_bytes(layer.type, static_cast<size_t>(layer.shape.value_dim));
          const std::byte* v =
              layer.values(head) + block + static_cast<uint64_t>(i % KvLayout::kBlock) * row_bytes;
          out.insert(out.end(), v, v + row_bytes);
        }
      }
    }
    return out;
  }

 private:
  static std::vector<float> row(uint64_t salt, size_t layer, int64_t head, int64_t which,
                                size_t dim) {
    const CounterRng rng(salt * 1000 + layer * 10 + static_cast<uint64_t>(head),
                         static_cast<uint64_t>(which));
    std::vector<float> out;
    for (size_t d = 0; d < dim; ++d) out.push_back(static_cast<float>(rng.uniform(d)) - 0.5f);
    return out;
  }

  /// The elements of one key, which lie a panel apart; of q8_0 also its scales.
  static void add_key(const KvLayer& layer, const std::byte* keys, int64_t position,
                      std::vector<std::byte>& out) {
    const auto dim = static_cast<size_t>(layer.shape.key_dim);
    const size_t row_bytes = kernels::kv_row_bytes(layer.type, dim);
    const std::byte* panel =
        keys + static_cast<size_t>(position) / kernels::kKeyPanel * kernels::kKeyPanel * row_bytes;
    const size_t key = static_cast<size_t>(position) % kernels::kKeyPanel;
    const auto add = [&](const std::byte* p, size_t bytes) { out.insert(out.end(), p, p + bytes); };
    if (layer.type == DType::Q8_0) {
      for (size_t d = 0; d < dim; d += 32, panel += kernels::kKeyPanel * 34) {
        add(panel + 2 * key, 2);
        for (size_t i = 0; i < 32; ++i) add(panel + 32 + i * kernels::kKeyPanel + key, 1);
      }
      return;
    }
    const size_t element = row_bytes / dim;
    for (size_t d = 0; d < dim; ++d) {
      add(panel + (d * kernels::kKeyPanel + key) * element, element);
    }
  }

  KvShape shape_;
};

}  // namespace whet
