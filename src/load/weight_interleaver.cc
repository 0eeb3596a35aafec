#include "load/weight_interleaver.h"

#include <cstring>

#include "base/aligned_buffer.h"
#include "base/check.h"
#include "kernels/interleave.h"
#include "model/slot.h"

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

int interleave(Matrix& m, Files files, ThreadPool& pool, const std::function<bool(DType)>& wanted) {
  if (!wanted(m.type)) return 0;
  const auto n = static_cast<int64_t>(
      kernels::interleaved_rows(kernels::kernels(), m.type, static_cast<size_t>(m.columns)));
  if (m.rows == 0 || m.rows % n != 0 || n == 1) return 0;
  std::byte* const panels = writable(m.data, files);
  const size_t panel_bytes = static_cast<size_t>(n) * m.row_size();
  pool.for_each(m.rows / n, [&](int64_t i) {
    thread_local AlignedBuffer<std::byte> buffer;
    std::byte* rows = buffer.reserve(panel_bytes);
    std::byte* panel = panels + static_cast<size_t>(i) * panel_bytes;
    std::memcpy(rows, panel, panel_bytes);
    kernels::interleave_rows(m.type, static_cast<size_t>(n), static_cast<size_t>(m.columns), rows,
                             panel);
  });
  m.interleave = n;
  return 1;
}

}  // namespace

int interleave_weights(Weights& weights, Files files, ThreadPool& pool,
                       const std::function<bool(DType)>& wanted) {
  const bool tied = weights.head.matrix.data == weights.embedding.data;
  int n = interleave(weights.embedding, files, pool, wanted);
  for (LayerWeights& layer : weights.layers) {
    for_each_matrix(layer, [&](Matrix& m) { n += interleave(m, files, pool, wanted); });
  }
  if (tied) {
    weights.head.matrix = weights.embedding;
  } else {
    n += interleave(weights.head.matrix, files, pool, wanted);
  }
  return n;
}

}  // namespace whet
