// project() with weights that linear() does not know: their rows are multiplied as floats.
#include "ops/projection.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

#include "base/aligned_buffer.h"
#include "base/rng.h"
#include "kernels/channel_layout.h"
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

/// Random Q4_0 and Q8_0 weights, as rows and by channel.
struct TwoLayouts {
  std::vector<std::byte> rows;
  AlignedBuffer<std::byte> channels;
  Matrix matrix;

  TwoLayouts(DType type, int64_t n_rows, int64_t n_columns, uint64_t seed) {
    const DTypeInfo& info = dtype_info(type);
    const auto n = static_cast<size_t>(n_rows), k = static_cast<size_t>(n_columns);
    rows.resize(n * row_bytes(info, k));
    const CounterRng rng(seed, k);
    for (size_t i = 0; i < rows.size(); ++i) rows[i] = static_cast<std::byte>(rng.bits(i) >> 9);
    for (size_t i = 0; i < rows.size(); i += info.block_bytes) {
      rows[i + 1] = std::byte{0x20};  // an f16 scale of about 0.008
    }
    matrix = {type, rows.data(), n_rows, n_columns};
    const size_t bytes = kernels::channel_bytes(type, n, k);
    std::byte* out = channels.reserve(bytes);
    std::fill_n(out, bytes, std::byte{0});
    for (size_t t = 0; t < kernels::channel_tiles(n); ++t) {
      kernels::lay_out_channels(kernels::kernels(), matrix, t, out);
    }
    matrix.channels = out;
  }
};

// Three inputs of two widths, one of them for two types of weights: each in the form that its
// weights want, each product the bits that it has alone.
TEST(Multiply, ProductsTogetherAreTheProductsAlone) {
  const CounterRng rng(9, 0);
  const TwoLayouts q4(DType::Q4_0, 24, 256, 1), q8(DType::Q8_0, 70, 256, 2);
  const TwoLayouts narrow(DType::Q8_0, 33, 64, 3);
  std::vector<float> floats(40 * 256), x(8 * 256);
  uint64_t n = 0;
  for (float& value : floats) value = static_cast<float>(rng.uniform(n++) - 0.5);
  for (float& value : x) value = static_cast<float>(rng.uniform(n++) - 0.5);
  const Matrix plain{DType::F32, reinterpret_cast<const std::byte*>(floats.data()), 40, 256};
  const auto rows_alone = [](Matrix matrix) {
    matrix.channels = nullptr;
    return matrix;
  };
  const Matrix matrices[] = {rows_alone(q4.matrix), rows_alone(q8.matrix), plain,
                             rows_alone(narrow.matrix), rows_alone(q4.matrix)};
  const struct {
    size_t matrix, x_at;
    int64_t n_tokens;
  } cases[] = {{0, 0, 3},       {1, 0, 3},       {2, 0, 3},       {3, 0, 3},      {4, 3 * 256, 1},
               {1, 4 * 256, 2}, {0, 6 * 256, 1}, {1, 6 * 256, 1}, {4, 7 * 256, 1}};
  // Each of two single rows leaves out groups of its own.
  std::fill_n(x.data() + 6 * 256 + 32, 64, 0.0f);
  std::fill_n(x.data() + 7 * 256 + 5 * 32, 96, 0.0f);
  for (const int threads : {1, 3}) {
    for (const bool exact : {false, true}) {
      ThreadPool pool(threads);
      ProjectionScratch scratch, alone;
      scratch.exact = alone.exact = exact;
      std::vector<std::vector<float>> together, expected;
      std::vector<Product> products;
      for (const auto& [matrix, x_at, n_tokens] : cases) {
        const Matrix& w = matrices[matrix];
        const auto size = static_cast<size_t>(n_tokens * w.rows);
        together.emplace_back(size);
        expected.emplace_back(size);
        products.push_back({&w, x.data() + x_at, n_tokens, together.back().data()});
        const Projection one{&w, expected.back().data()};
        project(x.data() + x_at, n_tokens, {&one, 1}, alone, pool);
      }
      multiply(products, scratch, pool);
      EXPECT_EQ(together, expected) << threads << " " << exact;
      EXPECT_EQ(scratch.traffic.skipped > 0, !exact);
    }
  }
}

TEST(Project, ARowOfManyZerosReadsTheOtherChannelsOnly) {
  constexpr int64_t kColumns = 1600;
  const TwoLayouts wide(DType::Q4_0, 4400, kColumns, 1), narrow(DType::Q8_0, 70, kColumns, 2);
  const CounterRng rng(4, 4);
  for (const int64_t n_zeros : {int64_t{0}, int64_t{100}, int64_t{640}, kColumns - 1, kColumns}) {
    SCOPED_TRACE(n_zeros);
    std::vector<float> x(kColumns);
    for (size_t i = 0; i < x.size(); ++i) x[i] = static_cast<float>(rng.uniform(i) - 0.5);
    for (int64_t i = 0; i < n_zeros; ++i) x[static_cast<size_t>(i * 1021 % kColumns)] = 0;
    std::vector<float> reference;
    for (const int threads : {1, 2, 3}) {
      ThreadPool pool(threads);
      ProjectionScratch scratch;
      const auto product = [&](Matrix a, Matrix b, bool by_channel) {
        if (!by_channel) a.channels = b.channels = nullptr;
        std::vector<float> y(static_cast<size_t>(a.rows + b.rows), 7.0f);
        const Projection both[] = {{&a, y.data()}, {&b, y.data() + a.rows}};
        project(x.data(), 1, both, scratch, pool);
        return y;
      };
      const auto dense = product(wide.matrix, narrow.matrix, false);
      // Rows as they lie skip whole groups of 32 columns.
      constexpr uint64_t kGroups = kColumns / 32, kGroupBytes = 4400 * 18 + 70 * 34;
      const uint64_t n_skipped =
          n_zeros < kColumns - 1 ? 0 : kGroups - static_cast<uint64_t>(kColumns - n_zeros);
      EXPECT_EQ(scratch.traffic.skipped, n_skipped * kGroupBytes);
      EXPECT_EQ(scratch.traffic.read, n_skipped == 0 ? 0 : (kGroups - n_skipped) * kGroupBytes);
      scratch.traffic = {};
      const auto sparse = product(wide.matrix, narrow.matrix, true);
      for (size_t i = 0; i < dense.size(); ++i) ASSERT_NEAR(sparse[i], dense[i], 2e-3) << i;
      if (reference.empty()) reference = sparse;
      EXPECT_EQ(sparse, reference) << threads << " threads";
      const uint64_t all = scratch.traffic.read + scratch.traffic.skipped;
      if (n_zeros < kColumns / 10) {
        EXPECT_EQ(all, 0u);
        EXPECT_EQ(sparse, dense);
      } else {
        EXPECT_EQ(all, kernels::channel_bytes(DType::Q4_0, 4400, kColumns) +
                           kernels::channel_bytes(DType::Q8_0, 70, kColumns));
        EXPECT_EQ(scratch.traffic.read, all * static_cast<uint64_t>(kColumns - n_zeros) / kColumns);
      }
    }
  }
}

}  // namespace
}  // namespace whet
