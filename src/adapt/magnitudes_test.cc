// Thresholds: quantiles against sorting, through a file and back, and what plans made of them
// leave.
#include "adapt/magnitudes.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>

#include "adapt/rotated_model.h"
#include "adapt/sparsity_choice.h"
#include "base/rng.h"
#include "formats/test_directory_for_test.h"

namespace whet::adapt {
namespace {

const std::string kQwen2 = WHET_SOURCE_DIR "/tests/golden/qwen2.gguf";

Windows drawn_windows(const ModelConfig& config) {
  const CounterRng rng(11, 0);
  Windows windows(3);
  uint64_t drawn = 0;
  for (auto& window : windows) {
    for (size_t i = 0; i < 60; ++i) {
      window.push_back(
          static_cast<int32_t>(rng.uniform(drawn++) * static_cast<double>(config.vocab_size)));
    }
  }
  return windows;
}

TEST(MagnitudeHistogramTest, QuantilesAreThoseOfSorting) {
  const CounterRng rng(3, 0);
  std::vector<float> x;
  for (uint64_t i = 0; i < 5000; ++i) {
    x.push_back(static_cast<float>(std::pow(2 * rng.uniform(i) - 1, 3)));
  }
  MagnitudeHistogram histogram;
  EXPECT_EQ(histogram.quantile(0.5), 0);
  histogram.add(x.data(), 2000);
  histogram.add(x.data() + 2000, 3000);
  for (float& value : x) value = std::fabs(value);
  std::ranges::sort(x);
  for (const double share : {0.05, 0.4, 0.95}) {
    const double sorted = x[static_cast<size_t>(share * 5000)];
    EXPECT_NEAR(histogram.quantile(share), sorted, 0.02 * sorted) << share;
  }
  MagnitudeHistogram with_nan;
  const float values[] = {1, -2, std::numeric_limits<float>::quiet_NaN(),
                          std::numeric_limits<float>::infinity()};
  with_nan.add(values, 4);
  EXPECT_NEAR(with_nan.quantile(0.3), 2, 0.02);
  EXPECT_TRUE(std::isfinite(with_nan.quantile(0.9)));
}

TEST(LeaveOutBelowTest, LeavesWhatIsNoSmaller) {
  const float nan = std::numeric_limits<float>::quiet_NaN();
  const float of[] = {-0.5f, 0.49f, 0.5f, nan, 0};
  float x[] = {1, 2, 3, 4, 5};
  leave_out_below(0.5f, of, 5, x);
  EXPECT_EQ(std::vector<float>(x, x + 5), (std::vector<float>{1, 0, 3, 4, 0}));
  leave_out_below(0, of, 5, x);
  EXPECT_EQ(std::vector<float>(x, x + 5), (std::vector<float>{1, 0, 3, 4, 0}));
}

/// Share of zeros in what enters the matrices, by their address.
class ZeroObserver : public ProjectionObserver {
 public:
  void observe(const Matrix& weights, const float* x, int64_t n_tokens) override {
    auto& [zeros, all] = counts_[weights.data];
    const int64_t n = n_tokens * weights.columns;
    zeros += std::count(x, x + n, 0.0f);
    all += n;
  }
  double share(const Matrix& weights) const {
    const auto& [zeros, all] = counts_.at(weights.data);
    return static_cast<double>(zeros) / static_cast<double>(all);
  }

 private:
  std::map<const std::byte*, std::pair<int64_t, int64_t>> counts_;
};

ZeroObserver zeros_of(const Decoder& model, const Windows& windows) {
  ThreadPool pool(2);
  ForwardScratch scratch(model.config);
  ZeroObserver observer;
  scratch.observe(&observer);
  for (const auto& window : windows) {
    KvSequence kv = KvSequence::create(kv_shape_of(model.config, 60)).value();
    StepSegment segment{&kv, window, StepSegment::Logits::kNone};
    segment.sparse = true;
    forward(model, {&segment, 1}, scratch, pool);
  }
  return observer;
}

class MagnitudesTest : public DirectoryTest {
 protected:
  /// A copy of the model that says how large its activations are on the windows.
  Result<LoadedModel> measured() {
    ThreadPool pool(2);
    WHET_TRY(const LoadedModel model, load_model(kQwen2));
    WHET_TRY(const auto layers,
             collect_magnitudes(model.model, drawn_windows(model.model.config), pool, nullptr));
    const std::string path = this->path("measured.gguf");
    WHET_TRY_STATUS(write_with_magnitudes(model, layers, path, pool, nullptr));
    return load_model(path);
  }
  Status choose(LoadedModel& model, const char* text) {
    ThreadPool pool(2);
    WHET_TRY(const SparsityChoice choice, parse_sparsity(text));
    const auto applied = apply_sparsity(choice, SparseRows::kAll, pool, model);
    if (!applied.ok()) return applied.error();
    return ok_status();
  }
};

TEST_F(MagnitudesTest, TealLeavesOutTheShareOfEveryInput) {
  auto model = measured();
  ASSERT_TRUE(model.ok()) << model.error().message();
  ASSERT_TRUE(choose(*model, "teal:0.4").ok());
  EXPECT_EQ(model->model.sparsity->method, "teal");
  EXPECT_NEAR(model->model.sparsity->share, 0.4, 0.02);  // whole channels
  const ZeroObserver zeros = zeros_of(model->model, drawn_windows(model->model.config));
  const LayerWeights& first = model->model.weights.layers[0];
  EXPECT_NEAR(zeros.share(first.q.matrix), 0.4, 0.02);
  for (const LayerWeights& w : model->model.weights.layers) {
    // Later inputs are of a model that is sparse already, and smaller.
    for (const Matrix* m :
         {&w.q.matrix, &w.attention_output.matrix, &w.gate.matrix, &w.down.matrix})
      EXPECT_NEAR(zeros.share(*m), 0.4, 0.15);
  }
}

TEST_F(MagnitudesTest, CatsLeavesOutWhereTheGateIsSmall) {
  auto model = measured();
  ASSERT_TRUE(model.ok()) << model.error().message();
  ASSERT_TRUE(choose(*model, "cats:0.5").ok());
  const ZeroObserver zeros = zeros_of(model->model, drawn_windows(model->model.config));
  for (const LayerWeights& w : model->model.weights.layers) {
    EXPECT_LT(zeros.share(w.q.matrix), 0.01);
    EXPECT_LT(zeros.share(w.gate.matrix), 0.01);
  }
  EXPECT_NEAR(zeros.share(model->model.weights.layers[0].down.matrix), 0.5, 0.03);
  // Of the same share, those of the product itself are others.
  ASSERT_TRUE(choose(*model, "teal:0.5").ok());
  EXPECT_GT(zeros_of(model->model, drawn_windows(model->model.config))
                .share(model->model.weights.layers[0].q.matrix),
            0.4);
}

TEST_F(MagnitudesTest, RefusesFilesAndSharesThatDoNotFit) {
  LoadedModel without = load_model(kQwen2).value();
  const Status missing = choose(without, "teal:0.4");
  ASSERT_FALSE(missing.ok());
  EXPECT_NE(missing.error().message().find("whet adapt magnitudes"), std::string::npos);
  auto model = measured();
  ASSERT_TRUE(model.ok()) << model.error().message();
  EXPECT_FALSE(choose(*model, "teal:0.96").ok());
  EXPECT_FALSE(choose(*model, "teal:-0.1").ok());
  EXPECT_FALSE(choose(*model, "tael:0.4").ok());
  EXPECT_TRUE(choose(*model, "teal:0").ok());
  model->file.metadata.insert_or_assign(
      "whet.magnitudes.gate", MetaValue{MetaArray{std::vector<double>{1, 2}}, MetaType::kFloat32});
  const Status short_one = choose(*model, "cats:0.4");
  ASSERT_FALSE(short_one.ok());
  EXPECT_NE(short_one.error().message().find("19 quantiles"), std::string::npos);
}

}  // namespace
}  // namespace whet::adapt
