// Moments, axes and budgets by themselves.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <fstream>

#include "adapt/moments_file.h"
#include "adapt/principal_axes.h"
#include "adapt/rotatable.h"
#include "adapt/sparsity_budget.h"
#include "base/rng.h"
#include "formats/test_directory_for_test.h"
#include "load/loaded_model.h"
#include "load/model_config_reader.h"

namespace whet::adapt {
namespace {

/// Values in [-1, 1).
std::vector<float> random_floats(size_t n, uint64_t seed) {
  const CounterRng rng(seed, 0);
  std::vector<float> values(n);
  for (size_t i = 0; i < n; ++i) values[i] = static_cast<float>(2 * rng.uniform(i) - 1);
  return values;
}

TEST(SecondMomentTest, IsTheSumOfProductsOfScaledRows) {
  constexpr int64_t kWidth = 150, kRows = 200, kStride = 170;  // more than one block of rows
  const auto rows = random_floats(kRows * kStride, 1);
  const auto scale = random_floats(kWidth, 2);
  ThreadPool one(1), three(3);
  MomentScratch scratch;
  SecondMoment moment(kWidth), same(kWidth);
  for (const int64_t first : {0, 77}) {
    const int64_t n = first == 0 ? 77 : kRows - 77;
    moment.add(rows.data() + first * kStride, n, kStride, scale, scratch, one);
    same.add(rows.data() + first * kStride, n, kStride, scale, scratch, three);
  }
  EXPECT_EQ(moment.n_rows(), kRows);
  EXPECT_EQ(moment.matrix(), same.matrix());
  const auto found = moment.matrix();
  for (int64_t i = 0; i < kWidth; ++i) {
    for (int64_t j = 0; j < kWidth; ++j) {
      double expected = 0, size = 0;
      for (int64_t t = 0; t < kRows; ++t) {
        const double a = rows[static_cast<size_t>(t * kStride + i)] *
                         static_cast<double>(scale[static_cast<size_t>(i)]);
        const double b = rows[static_cast<size_t>(t * kStride + j)] *
                         static_cast<double>(scale[static_cast<size_t>(j)]);
        expected += a * b;
        size += std::abs(a * b);
      }
      EXPECT_NEAR(found[static_cast<size_t>(i * kWidth + j)], expected, 1e-6 * size + 1e-12);
    }
  }
}

TEST(PrincipalAxesTest, FindsTheAxesOfARotatedMoment) {
  constexpr int64_t kWidth = 96;
  // Powers n, n - 1, ... along axes that come from another moment.
  const auto rows = random_floats(3 * kWidth * kWidth, 3);
  ThreadPool pool(2);
  MomentScratch scratch;
  SecondMoment moment(kWidth);
  moment.add(rows.data(), 3 * kWidth, kWidth, {}, scratch, pool);
  const PrincipalAxes some = principal_axes(moment.matrix(), kWidth).value();
  EXPECT_LT(distance_from_orthogonal(some.axes, kWidth), 1e-5);
  std::vector<double> made(kWidth * kWidth, 0.0);
  for (int64_t k = 0; k < kWidth; ++k) {
    for (int64_t i = 0; i < kWidth; ++i) {
      for (int64_t j = 0; j < kWidth; ++j) {
        made[static_cast<size_t>(i * kWidth + j)] +=
            static_cast<double>(kWidth - k) * some.axes[static_cast<size_t>(k * kWidth + i)] *
            some.axes[static_cast<size_t>(k * kWidth + j)];
      }
    }
  }
  const PrincipalAxes found = principal_axes(made, kWidth).value();
  for (int64_t k = 0; k < kWidth; ++k) {
    EXPECT_NEAR(found.powers[static_cast<size_t>(k)], static_cast<double>(kWidth - k), 1e-4);
    float largest = 0;
    for (int64_t i = 0; i < kWidth; ++i) {
      const auto at = static_cast<size_t>(k * kWidth + i);
      EXPECT_NEAR(found.axes[at], some.axes[at], 1e-4);
      if (std::abs(found.axes[at]) > std::abs(largest)) largest = found.axes[at];
    }
    EXPECT_GT(largest, 0);
  }
  made[5] = std::nan("");
  EXPECT_FALSE(principal_axes(made, kWidth).ok());
}

TEST(PrincipalAxesTest, OfAMomentWithoutFullRankIsStillARotation) {
  constexpr int64_t kWidth = 64;
  const auto rows = random_floats(2 * kWidth, 4);
  ThreadPool pool(1);
  MomentScratch scratch;
  SecondMoment moment(kWidth);
  moment.add(rows.data(), 2, kWidth, {}, scratch, pool);
  const PrincipalAxes axes = principal_axes(moment.matrix(), kWidth).value();
  EXPECT_LT(distance_from_orthogonal(axes.axes, kWidth), 1e-5);
  std::vector<float> bent = axes.axes;
  bent[7] += 1e-3f;
  EXPECT_GT(distance_from_orthogonal(bent, kWidth), 1e-5);
}

ModelConfig two_layers() {
  ModelConfig config;
  config.architecture = "llama";
  config.d_model = 64;
  LayerForm layer;
  layer.attention = {.n_heads = 4, .n_kv_heads = 2, .head_dim = 16};
  layer.ffn.dim = 160;
  config.layers = {layer, layer};
  return config;
}

TEST(SparsityBudgetTest, TheShareIsCountedByWeight) {
  const ModelConfig config = two_layers();
  const SparsityPlan published = published_budget(config, 0.4).value();
  // Of a layer: 64 -> 128 (q, k, v), 64 -> 64 (o), 64 -> 320 (gate, up), 160 -> 64 (down).
  const std::array<int64_t, kSparsitySites> expected = {64 - 20, 64 - 30, 64 - 20, 160 - 76};
  ASSERT_EQ(published.kept.size(), 2u);
  EXPECT_EQ(published.kept[0], expected);
  EXPECT_EQ(published.kept[1], expected);
  const double skipped = 20 * 128 + 30 * 64 + 20 * 320 + 76 * 64;
  EXPECT_DOUBLE_EQ(published.share, skipped / (64 * 128 + 64 * 64 + 64 * 320 + 160 * 64));
  EXPECT_LT(published.share, 0.4);
  for (const double balance : {0.6, 0.8, 1.0, 1.1}) {
    const SparsityPlan balanced = balanced_budget(config, 0.4, balance).value();
    EXPECT_NEAR(balanced.share, 0.4, 0.02) << balance;  // whole channels
    EXPECT_EQ(balanced.kept[0][0], channels_kept(64, balance * 0.4));
  }
  EXPECT_DOUBLE_EQ(published_budget(config, 0).value().share, 0);
  const SparsityPlan down = down_budget(config, 0.5).value();
  EXPECT_EQ(down.kept[1], (std::array<int64_t, kSparsitySites>{64, 64, 64, 80}));
  EXPECT_DOUBLE_EQ(down.share, 80.0 * 64 / (64 * 128 + 64 * 64 + 64 * 320 + 160 * 64));
}

TEST(SparsityBudgetTest, BlocksAreWhole) {
  const ModelConfig config = two_layers();
  const SparsityPlan plan = block_budget(config, 0.7).value();
  EXPECT_EQ(plan.block, 32);
  // 56 % of two blocks, 84 % of two and of five.
  EXPECT_EQ(plan.kept[0], (std::array<int64_t, kSparsitySites>{32, 32, 32, 32}));
  ModelConfig odd = config;
  odd.layers[1].ffn.dim = 150;
  const auto refused = block_budget(odd, 0.7);
  ASSERT_FALSE(refused.ok());
  EXPECT_NE(refused.error().message().find("multiple of 32"), std::string::npos);
}

TEST(KeepLargestBlocks, TakesThoseOfTheLargestSumsOfSquares) {
  std::vector<float> x{3, 0, 2, 2, -4, 1, 0, 5, 2, 2};
  std::vector<uint32_t> scratch;
  keep_largest_blocks(x.data(), 10, 6, 2, scratch);  // 9, 8, 17, 25, 8
  EXPECT_EQ(x, (std::vector<float>{3, 0, 0, 0, -4, 1, 0, 5, 0, 0}));
  keep_largest_blocks(x.data(), 10, 10, 2, scratch);
  EXPECT_EQ(x[0], 3);
}

TEST(SparsityBudgetTest, RefusesSharesThatAreNone) {
  const ModelConfig config = two_layers();
  EXPECT_FALSE(published_budget(config, -0.1).ok());
  ModelConfig with_experts = config;
  with_experts.layers[1].experts.n_experts = 4;
  EXPECT_FALSE(published_budget(with_experts, 0.4).ok());
  EXPECT_FALSE(published_budget(config, 0.9).ok());
  EXPECT_FALSE(balanced_budget(config, 0.4, 2).ok());  // the others would have to add channels
  const auto refused = balanced_budget(config, 0.8, 0.1);
  ASSERT_FALSE(refused.ok());
  EXPECT_NE(refused.error().message().find("of what norms give"), std::string::npos);
  EXPECT_EQ(channels_kept(10, 0.0), 10);
  EXPECT_EQ(channels_kept(10, 0.25), 8);
}

TEST(KeepLargestTest, IsWhatSortingKeeps) {
  const size_t n = 97;
  std::vector<uint32_t> scratch(n);
  for (uint64_t round = 0; round < 40; ++round) {
    std::vector<float> x = random_floats(n, 100 + round);
    if (round % 2 == 0) {  // many equals
      for (float& value : x) value = std::round(value * 4) / 4;
    }
    for (const size_t kept : {size_t{0}, size_t{1}, size_t{40}, n - 1, n}) {
      std::vector<size_t> order(n);
      for (size_t i = 0; i < n; ++i) order[i] = i;
      std::ranges::stable_sort(order,
                               [&](size_t a, size_t b) { return std::abs(x[a]) > std::abs(x[b]); });
      std::vector<float> expected(n, 0.0f);
      for (size_t i = 0; i < kept; ++i) expected[order[i]] = x[order[i]];
      std::vector<float> found = x;
      keep_largest(found.data(), nullptr, static_cast<int64_t>(n), static_cast<int64_t>(kept),
                   scratch);
      EXPECT_EQ(found, expected) << kept;
    }
  }
}

TEST(KeepLargestTest, ScoresDecideAndDoNotMultiply) {
  std::vector<float> x = {1, -2, 3, -4, 5};
  const std::vector<float> score = {10, 1, 1, 0, 0.1f};
  std::vector<uint32_t> scratch(5);
  keep_largest(x.data(), score.data(), 5, 2, scratch);
  EXPECT_EQ(x, (std::vector<float>{1, 0, 3, 0, 0}));
}

TEST(RotatableTest, NamesWhatStandsAgainstARotation) {
  EXPECT_TRUE(check_rotatable(two_layers()).ok());
  const std::string golden = WHET_SOURCE_DIR "/tests/golden/models/";
  const std::pair<const char*, const char*> cases[] = {
      {"gemma3", "norms behind attention"},
      {"gpt2", "subtract the mean"},
      {"mixtral", "experts"},
      {"qwen35", "mixers other"},
      {"olmo2", "norms behind attention"},
  };
  for (const auto& [name, expected] : cases) {
    const auto file = open_model_file(golden + name + ".gguf");
    ASSERT_TRUE(file.ok()) << name;
    const Status checked = check_rotatable(read_model_config(*file).value());
    ASSERT_FALSE(checked.ok()) << name;
    EXPECT_NE(checked.error().message().find(expected), std::string::npos)
        << checked.error().message();
  }
}

class MomentsFileTest : public DirectoryTest {
 protected:
  const std::string key_ = std::string(64, 'a');

  static Moments some() {
    const ModelConfig config = two_layers();
    Moments moments(config);
    ThreadPool pool(1);
    MomentScratch scratch;
    const auto rows = random_floats(64 * 5, 6);
    moments.residual.add(rows.data(), 5, 64, {}, scratch, pool);
    moments.heads[3].add(rows.data(), 5, 64, {}, scratch, pool);
    moments.n_windows = 3;
    return moments;
  }
};

TEST_F(MomentsFileTest, ComesBackAndIsKnownByItsKey) {
  const Moments moments = some();
  ASSERT_TRUE(write_moments(path("m"), key_, moments).ok());
  Moments back(two_layers());
  EXPECT_FALSE(read_moments(path("none"), key_, back).value());
  EXPECT_FALSE(read_moments(path("m"), std::string(64, 'b'), back).value());
  EXPECT_EQ(back.n_windows, 0);
  ASSERT_TRUE(read_moments(path("m"), key_, back).value());
  EXPECT_EQ(back.n_windows, 3);
  EXPECT_EQ(back.residual.n_rows(), 5);
  EXPECT_EQ(back.residual.matrix(), moments.residual.matrix());
  EXPECT_EQ(back.heads[3].matrix(), moments.heads[3].matrix());
  ModelConfig other = two_layers();
  other.d_model = 32;
  Moments of_other(other);
  EXPECT_FALSE(read_moments(path("m"), key_, of_other).value());
}

TEST_F(MomentsFileTest, DamageIsAnError) {
  ASSERT_TRUE(write_moments(path("m"), key_, some()).ok());
  std::fstream file(path("m"), std::ios::binary | std::ios::in | std::ios::out);
  file.seekp(5000);
  file.put('\x7f');
  file.close();
  Moments back(two_layers());
  const auto read = read_moments(path("m"), key_, back);
  ASSERT_FALSE(read.ok());
  EXPECT_NE(read.error().message().find("remove it"), std::string::npos);
  EXPECT_EQ(back.n_windows, 0);
}

}  // namespace
}  // namespace whet::adapt
