// Layouts of files, by hand: which element becomes which.
#include "load/weight_layout.h"

#include <gtest/gtest.h>

#include <cstring>
#include <numeric>

namespace whet {
namespace {

/// A tensor of 0, 1, 2... as the file holds it, and what becomes of it.
std::vector<float> rows_of_count(WeightLayout layout, const RowsShape& shape) {
  std::vector<float> values(static_cast<size_t>(shape.n * shape.rows * shape.columns));
  std::iota(values.begin(), values.end(), 0.0f);
  const TensorEntry stored{.name = "counted",
                           .type = DType::F32,
                           .shape = shape_in_file(layout, shape, shape.n > 1),
                           .bytes = std::as_bytes(std::span(values)),
                           .file_index = 0,
                           .file_offset = 0};
  const auto made = make_rows(stored, layout, shape).value();
  std::vector<float> rows(values.size());
  std::memcpy(rows.data(), made->bytes().data(), rows.size() * sizeof(float));
  return rows;
}

TEST(WeightLayout, TransposedOutputsBecomeRows) {
  EXPECT_EQ(rows_of_count(WeightLayout::kTransposed, {1, 2, 3, 0}),
            (std::vector<float>{0, 2, 4, 1, 3, 5}));
  EXPECT_EQ(shape_in_file(WeightLayout::kTransposed, {1, 2, 3, 0}, false),
            (std::vector<uint64_t>{3, 2}));
  // More than one square of the transposition, in two matrices.
  const RowsShape large{2, 70, 45, 0};
  const std::vector<float> rows = rows_of_count(WeightLayout::kTransposed, large);
  for (int64_t i = 0; i < large.n; ++i) {
    for (int64_t r = 0; r < large.rows; ++r) {
      for (int64_t c = 0; c < large.columns; ++c) {
        const int64_t first = i * large.rows * large.columns;
        ASSERT_EQ(rows[static_cast<size_t>(first + r * large.columns + c)],
                  static_cast<float>(first + c * large.rows + r));
      }
    }
  }
}

TEST(WeightLayout, PairsBecomeGatesThenUps) {
  EXPECT_EQ(rows_of_count(WeightLayout::kTransposedPairs, {2, 4, 1, 0}),
            (std::vector<float>{0, 2, 1, 3, 4, 6, 5, 7}));
  EXPECT_EQ(biases_of_rows({0, 1, 2, 3, 4, 5, 6, 7}, WeightLayout::kTransposedPairs, {2, 4, 9, 0}),
            (std::vector<float>{0, 2, 1, 3, 4, 6, 5, 7}));
}

// Two heads of two rows: q0 q0 k0 k0 v0 v0 q1 q1 k1 k1 v1 v1.
TEST(WeightLayout, HeadsBecomeQueriesThenKeysThenValues) {
  const std::vector<float> expected{0, 1, 6, 7, 2, 3, 8, 9, 4, 5, 10, 11};
  EXPECT_EQ(rows_of_count(WeightLayout::kHeadByHead, {1, 12, 1, 2}), expected);
  std::vector<float> biases(12);
  std::iota(biases.begin(), biases.end(), 0.0f);
  EXPECT_EQ(biases_of_rows(biases, WeightLayout::kHeadByHead, {1, 12, 5, 2}), expected);
}

TEST(WeightLayout, QuantisedWeightsAreNeverTransposed) {
  EXPECT_EQ(layout_in_file(WeightLayout::kTransposed, DType::F16), WeightLayout::kTransposed);
  EXPECT_EQ(layout_in_file(WeightLayout::kTransposedPairs, DType::MXFP4), WeightLayout::kRows);
  EXPECT_EQ(layout_in_file(WeightLayout::kHeadByHead, DType::Q4_0), WeightLayout::kHeadByHead);
}

}  // namespace
}  // namespace whet
