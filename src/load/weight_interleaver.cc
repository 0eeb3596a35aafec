#include "load/weight_interleaver.h"

#include <cstring>
#include <vector>

#include "base/check.h"
#include "kernels/interleave.h"
#include "kernels/kernels.h"

namespace whet {
namespace {

std::byte* writable(const std::byte* data, std::span<const std::span<std::byte>> memory) {
  for (const std::span<std::byte> part : memory) {
    if (data >= part.data() && data < part.data() + part.size()) {
      return part.data() + (data - part.data());
    }
  }
  WHET_UNREACHABLE();
}

void interleave(Matrix& m, std::span<const std::span<std::byte>> memory) {
  const auto n = static_cast<int64_t>(kernels::kernels().interleave);
  if (m.rows == 0 || m.rows % n != 0 || !kernels::can_interleave(m.type)) return;
  std::byte* panel = writable(m.data, memory);
  std::vector<std::byte> rows(static_cast<size_t>(n) * m.row_size());
  for (int64_t row = 0; row < m.rows; row += n, panel += rows.size()) {
    std::memcpy(rows.data(), panel, rows.size());
    kernels::interleave_rows(m.type, static_cast<size_t>(n), static_cast<size_t>(m.columns),
                             rows.data(), panel);
  }
  m.interleave = n;
}

}  // namespace

void interleave_weights(Weights& weights, std::span<const std::span<std::byte>> memory) {
  const bool tied = weights.head.data == weights.embedding.data;
  interleave(weights.embedding, memory);
  for (LayerWeights& layer : weights.layers) {
    for (Matrix* m : {&layer.q, &layer.k, &layer.v, &layer.attention_output, &layer.gate, &layer.up,
                      &layer.down}) {
      interleave(*m, memory);
    }
  }
  if (tied) {
    weights.head = weights.embedding;
  } else {
    interleave(weights.head, memory);
  }
}

}  // namespace whet
