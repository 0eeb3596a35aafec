#include "load/weight_interleaver.h"

#include <gtest/gtest.h>

#include <cstring>
#include <filesystem>
#include <fstream>

#include "base/rng.h"
#include "kernels/interleave.h"
#include "kernels/kernels.h"
#include "tensor/blocks.h"

namespace whet {
namespace {

namespace fs = std::filesystem;

/// A file of Q8_0 blocks with finite factors.
std::shared_ptr<FileBytes> random_blocks(const std::string& name, size_t n_blocks) {
  const CounterRng rng(7, n_blocks);
  std::vector<BlockQ8_0> blocks(n_blocks);
  for (size_t i = 0; i < n_blocks; ++i) {
    blocks[i].d = static_cast<uint16_t>(0x2c00 + rng.bits(40 * i) % 512);
    for (size_t k = 0; k < 32; ++k) {
      blocks[i].qs[k] = static_cast<int8_t>(rng.bits(40 * i + 1 + k));
    }
  }
  const fs::path path = fs::path(testing::TempDir()) / name;
  std::ofstream(path, std::ios::binary)
      .write(reinterpret_cast<const char*>(blocks.data()),
             static_cast<std::streamsize>(n_blocks * sizeof(BlockQ8_0)));
  auto file = FileBytes::copy(path.string());
  fs::remove(path);
  return file.value();
}

std::vector<float> values(const Matrix& m) {
  std::vector<float> all(static_cast<size_t>(m.rows * m.columns));
  for (int64_t row = 0; row < m.rows; ++row) {
    kernels::dequantize_row(m, row, all.data() + row * m.columns);
  }
  return all;
}

TEST(WeightInterleaver, TakesWhatItCanFromSeveralFilesAndKeepsEveryValue) {
  constexpr int64_t kColumns = 96;
  const auto lanes = static_cast<int64_t>(kernels::kernels().interleave);
  const std::vector files{random_blocks("interleaver_a", 400), random_blocks("interleaver_b", 400)};
  const auto at = [&](int file, int64_t row, DType type, int64_t rows) {
    const std::byte* data = files[static_cast<size_t>(file)]->bytes().data();
    return Matrix{type, data + row * kColumns / 32 * int64_t{sizeof(BlockQ8_0)}, rows, kColumns};
  };
  Weights w;
  w.embedding = at(0, 0, DType::Q8_0, 3 * lanes + 1);  // no multiple of the lanes
  w.layers.resize(1);
  LayerWeights& layer = w.layers[0];
  layer.q.matrix = at(1, 0, DType::Q8_0, 2 * lanes);  // slices of one tensor
  layer.k.matrix = at(1, 2 * lanes, DType::Q8_0, lanes);
  layer.v.matrix = at(1, 3 * lanes, DType::Q8_0, lanes);
  layer.attention_output.matrix =
      at(0, 4 * lanes, DType::Q4_1, lanes);  // a type without such kernels
  layer.gate.matrix = at(0, 0, DType::Q8_0, 0);
  layer.up.matrix = layer.down.matrix = at(0, 0, DType::Q8_0, 0);
  w.head.matrix = at(0, 6 * lanes, DType::Q8_0, 2 * lanes);
  const std::vector<Matrix*> all{&w.embedding,
                                 &layer.q.matrix,
                                 &layer.k.matrix,
                                 &layer.v.matrix,
                                 &layer.attention_output.matrix,
                                 &w.head.matrix};
  std::vector<std::vector<float>> before;
  for (const Matrix* m : all) before.push_back(values(*m));

  ThreadPool pool(2);
  EXPECT_EQ(interleave_weights(w, files, pool, [](DType type) { return type == DType::Q4_1; }), 0);
  for (const Matrix* m : all) EXPECT_EQ(m->interleave, 1);
  EXPECT_EQ(interleave_weights(w, files, pool, [](DType) { return true; }), 4);
  EXPECT_EQ(w.embedding.interleave, 1);
  EXPECT_EQ(layer.attention_output.matrix.interleave, 1);
  EXPECT_EQ(layer.gate.matrix.interleave, 1);
  for (const Matrix* m : {&layer.q.matrix, &layer.k.matrix, &layer.v.matrix, &w.head.matrix}) {
    EXPECT_EQ(m->interleave, lanes);
  }
  for (size_t i = 0; i < all.size(); ++i) {
    const std::vector<float> after = values(*all[i]);  // bits: the Q4_1 matrix holds other blocks
    EXPECT_EQ(std::memcmp(after.data(), before[i].data(), after.size() * sizeof(float)), 0) << i;
  }
}

}  // namespace
}  // namespace whet
