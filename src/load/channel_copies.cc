#include "load/channel_copies.h"

#include <fmt/format.h>

#include <vector>

#include "kernels/channel_layout.h"
#include "kernels/kernels.h"
#include "sys/file_bytes.h"

namespace whet {
namespace {

size_t bytes_of(const Matrix& m) {
  return kernels::channel_bytes(m.type, static_cast<size_t>(m.rows),
                                static_cast<size_t>(m.columns));
}

/// The matrices behind the inputs that leave channels out.
std::vector<Matrix*> sparse_matrices(Decoder& model) {
  std::vector<Matrix*> found;
  for (size_t i = 0; i < model.weights.layers.size(); ++i) {
    LayerWeights& w = model.weights.layers[i];
    const auto shapes = sparsity_shapes(model.config.layers[i], model.config.d_model);
    const std::vector<LinearWeights*> of_site[kSparsitySites] = {
        {&w.q, &w.k, &w.v}, {&w.attention_output}, {&w.gate, &w.up}, {&w.down}};
    for (size_t site = 0; site < kSparsitySites; ++site) {
      if (model.sparsity->kept[i][site] >= shapes[site].channels) continue;
      for (LinearWeights* linear : of_site[site]) {
        if (linear->matrix.rows > 0) found.push_back(&linear->matrix);
      }
    }
  }
  return found;
}

/// Blocks are skipped in the weights as they are.
Result<ChannelCopies> count_whole_matrices(const std::vector<Matrix*>& matrices) {
  ChannelCopies none;
  for (const Matrix* m : matrices) none.n_without += kernels::skips_groups(m->type) ? 0 : 1;
  if (!matrices.empty() && none.n_without == static_cast<int>(matrices.size())) {
    return Error(
        ErrorCode::kInvalidArgument,
        fmt::format("sparsity block: expected weights in blocks of 32 columns, as Q8_0, "
                    "Q4_0, Q4_1 and Q5_0 have them, found {}; --type q8_0 of whet quantize "
                    "makes some",
                    dtype_info(matrices.front()->type).name));
  }
  return none;
}

}  // namespace

Result<ChannelCopies> copy_by_channels(Decoder& model, ThreadPool& pool) {
  ChannelCopies copies;
  if (!model.sparsity) return copies;
  if (model.sparsity->block > 1) return count_whole_matrices(sparse_matrices(model));
  struct Tile {
    const Matrix* matrix;
    size_t tile, at;  // `at`: where its matrix begins
  };
  std::vector<Tile> tiles;
  std::vector<std::pair<Matrix*, size_t>> places;
  for (Matrix* m : sparse_matrices(model)) {
    if (!kernels::has_channel_layout(m->type)) {
      ++copies.n_without;
      continue;
    }
    if (m->interleave != 1) {
      return Error(ErrorCode::kInvalidArgument,
                   "channel by channel: expected weights as rows, found rows that are interleaved; "
                   "leave --repack out");
    }
    for (size_t t = 0; t < kernels::channel_tiles(static_cast<size_t>(m->rows)); ++t) {
      tiles.push_back({m, t, copies.bytes});
    }
    places.emplace_back(m, copies.bytes);
    copies.bytes += bytes_of(*m);
    ++copies.n_matrices;
  }
  if (places.empty()) return copies;
  WHET_TRY(const std::shared_ptr<FileBytes> memory,
           FileBytes::allocate(copies.bytes, "weights by channel"));
  std::byte* const base = memory->writable_bytes().data();
  pool.for_each(static_cast<int64_t>(tiles.size()), [&](int64_t i) {
    const Tile& t = tiles[static_cast<size_t>(i)];
    kernels::lay_out_channels(kernels::kernels(), *t.matrix, t.tile, base + t.at);
  });
  memory->seal();
  for (const auto& [matrix, at] : places) matrix->channels = base + at;
  model.weights.made.push_back(memory);
  return copies;
}

}  // namespace whet
