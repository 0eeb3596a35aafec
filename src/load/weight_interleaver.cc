#include "load/weight_interleaver.h"

#include <cstring>
#include <vector>

#include "base/check.h"
#include "kernels/interleave.h"
#include "kernels/kernels.h"

namespace whet {
namespace {

using Files = std::span<const std::shared_ptr<FileBytes>>;

std::byte* writable(const std::byte* data, Files files) {
  for (const auto& file : files) {
    const std::span<std::byte> bytes = file->writable_bytes();
    if (data >= bytes.data() && data < bytes.data() + bytes.size()) {
      return bytes.data() + (data - bytes.data());
    }
  }
  WHET_UNREACHABLE();
}

int interleave(Matrix& m, Files files) {
  const auto n = static_cast<int64_t>(kernels::kernels().interleave);
  if (m.rows == 0 || m.rows % n != 0 || !kernels::can_interleave(m.type)) return 0;
  std::byte* panel = writable(m.data, files);
  std::vector<std::byte> rows(static_cast<size_t>(n) * m.row_size());
  for (int64_t row = 0; row < m.rows; row += n, panel += rows.size()) {
    std::memcpy(rows.data(), panel, rows.size());
    kernels::interleave_rows(m.type, static_cast<size_t>(n), static_cast<size_t>(m.columns),
                             rows.data(), panel);
  }
  m.interleave = n;
  return 1;
}

}  // namespace

int interleave_weights(Weights& weights, Files files) {
  const bool tied = weights.head.data == weights.embedding.data;
  int n = interleave(weights.embedding, files);
  for (LayerWeights& layer : weights.layers) {
    for (Matrix* m : {&layer.q, &layer.k, &layer.v, &layer.attention_output, &layer.gate, &layer.up,
                      &layer.down}) {
      n += interleave(*m, files);
    }
  }
  if (tied) {
    weights.head = weights.embedding;
  } else {
    n += interleave(weights.head, files);
  }
  return n;
}

}  // namespace whet
