#include "load/loaded_model.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <vector>

#include "kernels/interleave.h"

namespace whet {
namespace {

namespace fs = std::filesystem;

TEST(LoadedModel, WithoutMapItNoLongerNeedsTheFile) {
  const fs::path file = fs::path(testing::TempDir()) / "copied_model.gguf";
  fs::copy_file(WHET_SOURCE_DIR "/models/whetstone-draft-q8_0.gguf", file,
                fs::copy_options::overwrite_existing);
  auto loaded = load_model(file.string(), {.storage = WeightStorage::kCopied});
  ASSERT_TRUE(loaded.ok()) << loaded.error().message();
  EXPECT_EQ(loaded->storage, WeightStorage::kCopied);
  const std::span<const std::byte> weights = loaded->file.tensors.back().bytes;
  const std::vector<std::byte> before(weights.begin(), weights.end());
  // The pages of a mapping would show these bytes.
  const std::string other(fs::file_size(file), 'x');
  std::fstream(file, std::ios::binary | std::ios::in | std::ios::out) << other;
  EXPECT_TRUE(std::ranges::equal(weights, before));
  fs::remove(file);
}

TEST(LoadedModel, InterleavedIsTheSameModel) {
  const auto expect_same = [](const Matrix& a, const Matrix& b) {
    ASSERT_EQ(a.rows, b.rows);
    std::vector<float> x(static_cast<size_t>(a.columns)), y(x.size());
    for (int64_t row = 0; row < a.rows; ++row) {
      kernels::dequantize_row(a, row, x.data());
      kernels::dequantize_row(b, row, y.data());
      ASSERT_EQ(x, y) << row;
    }
  };
  for (const char* name : {"whetstone-draft-q8_0.gguf", "whetstone-draft"}) {
    const std::string path = std::string(WHET_SOURCE_DIR "/models/") + name;
    auto mapped = load_model(path),
         interleaved = load_model(path, {.storage = WeightStorage::kInterleaved});
    ASSERT_TRUE(mapped.ok() && interleaved.ok());
    const Weights &a = mapped->model.weights, &b = interleaved->model.weights;
    EXPECT_GT(b.layers[0].gate.matrix.interleave, 1);
    expect_same(a.embedding, b.embedding);
    expect_same(a.head.matrix, b.head.matrix);
    expect_same(a.layers.back().q.matrix, b.layers.back().q.matrix);
    expect_same(a.layers[0].gate.matrix, b.layers[0].gate.matrix);
  }
}

}  // namespace
}  // namespace whet
