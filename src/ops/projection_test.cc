// project() with weights that linear() does not know: their rows are multiplied as floats.
#include "ops/projection.h"

#include <gtest/gtest.h>

#include <vector>

#include "base/rng.h"
#include "kernels/interleave.h"
#include "kernels/kernels.h"
#include "tensor/blocks.h"

namespace whet {
namespace {

TEST(Project, TypesWithoutAKernelAreMultipliedAsFloats) {
  constexpr int64_t kRows = 40, kColumns = 512, kTokens = 5;
  const CounterRng rng(3, 0);
  std::vector<BlockTQ2_0> blocks(kRows * kColumns / 256);
  uint64_t n = 0;
  for (BlockTQ2_0& block : blocks) {
    for (uint8_t& byte : block.qs) byte = static_cast<uint8_t>(rng.bits(n++));
    block.d = 0x2e66;  // 0.1
  }
  std::vector<float> x(kTokens * kColumns), y(kTokens * kRows);
  for (float& value : x) value = static_cast<float>(rng.uniform(n++) - 0.5);
  const Matrix w{DType::TQ2_0, reinterpret_cast<const std::byte*>(blocks.data()), kRows, kColumns};
  ASSERT_FALSE(kernels::has_linear(w.type));
  ProjectionScratch scratch;
  ThreadPool pool(2);
  const Projection projection{&w, y.data()};
  project(x.data(), kTokens, {&projection, 1}, scratch, pool);
  std::vector<float> row(kColumns);
  for (int64_t r = 0; r < kRows; ++r) {
    kernels::dequantize_row(w, r, row.data());
    for (int64_t t = 0; t < kTokens; ++t) {
      double expected = 0;
      for (int64_t c = 0; c < kColumns; ++c) {
        expected +=
            double{row[static_cast<size_t>(c)]} * double{x[static_cast<size_t>(t * kColumns + c)]};
      }
      EXPECT_NEAR(y[static_cast<size_t>(t * kRows + r)], expected, 1e-4);
    }
  }
}

struct Seen : ProjectionObserver {
  void observe(const Matrix& weights, const float* x, int64_t n_tokens) override {
    matrices.push_back(weights.data);
    rows.emplace_back(x, x + n_tokens * weights.columns);
  }
  std::vector<const std::byte*> matrices;
  std::vector<std::vector<float>> rows;
};

TEST(Project, AnObserverSeesWhatEntersEachProductAndChangesNothing) {
  constexpr int64_t kRows = 8, kColumns = 32, kTokens = 3;
  const CounterRng rng(4, 0);
  std::vector<float> weights(2 * kRows * kColumns), x(kTokens * kColumns);
  uint64_t n = 0;
  for (float& value : weights) value = static_cast<float>(rng.uniform(n++) - 0.5);
  for (float& value : x) value = static_cast<float>(rng.uniform(n++) - 0.5);
  const auto* data = reinterpret_cast<const std::byte*>(weights.data());
  const Matrix first{DType::F32, data, kRows, kColumns};
  const Matrix second{DType::F32, data + kRows * kColumns * sizeof(float), kRows, kColumns};
  std::vector<float> plain(kTokens * kRows * 2), observed(plain.size());
  ThreadPool pool(2);
  ProjectionScratch scratch;
  Seen seen;
  for (const bool watch : {false, true}) {
    float* y = watch ? observed.data() : plain.data();
    const Projection both[] = {{&first, y}, {&second, y + kTokens * kRows}};
    scratch.observer = watch ? &seen : nullptr;
    project(x.data(), kTokens, both, scratch, pool);
  }
  EXPECT_EQ(observed, plain);
  EXPECT_EQ(seen.matrices, (std::vector<const std::byte*>{first.data, second.data}));
  EXPECT_EQ(seen.rows, (std::vector<std::vector<float>>{x, x}));
}

}  // namespace
}  // namespace whet
