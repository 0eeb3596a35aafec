// Rotated copies of small models, read back: the same logits, and a plan in the file.
#include "adapt/rotated_model.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <iterator>

#include "adapt/calibration.h"
#include "adapt/column_norms.h"
#include "adapt/sparsity_budget.h"
#include "adapt/text_loss.h"
#include "base/rng.h"
#include "formats/test_directory_for_test.h"

namespace whet::adapt {
namespace {

const std::string kGolden = WHET_SOURCE_DIR "/tests/golden/";

Windows random_windows(const LoadedModel& model, size_t n_windows, size_t length) {
  const CounterRng rng(7, 0);
  Windows windows(n_windows);
  uint64_t drawn = 0;
  for (auto& window : windows) {
    for (size_t i = 0; i < length; ++i) {
      window.push_back(static_cast<int32_t>(rng.uniform(drawn++) *
                                            static_cast<double>(model.model.config.vocab_size)));
    }
  }
  return windows;
}

Moments moments_of(const LoadedModel& model, const Windows& windows, int threads = 2) {
  ThreadPool pool(threads);
  Moments moments(model.model.config);
  EXPECT_TRUE(
      collect_moments(
          model.model, windows, pool, [](const Moments&) { return ok_status(); }, nullptr, moments)
          .ok());
  return moments;
}

std::vector<float> logits_of(const LoadedModel& model, std::span<const int32_t> ids) {
  ThreadPool pool(2);
  ForwardScratch scratch(model.model.config, true);
  const auto n = static_cast<int64_t>(ids.size());
  KvSequence kv = KvSequence::create(kv_shape_of(model.model.config, n, DType::F32)).value();
  const StepSegment segment{&kv, ids, StepSegment::Logits::kAll};
  const auto logits = forward(model.model, {&segment, 1}, scratch, pool);
  return {logits.begin(), logits.end()};
}

double relative_distance(const std::vector<float>& a, const std::vector<float>& b) {
  EXPECT_EQ(a.size(), b.size());
  double worst = 0, largest = 0;
  for (size_t i = 0; i < a.size(); ++i) {
    worst = std::max(worst, std::abs(static_cast<double>(a[i]) - b[i]));
    largest = std::max(largest, std::abs(static_cast<double>(a[i])));
  }
  return worst / largest;
}

std::string content_of(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

class RotatedModelTest : public DirectoryTest {
 protected:
  Result<std::vector<QuantizedTensor>> write(const LoadedModel& model, const Moments& moments,
                                             const char* type, const std::string& to,
                                             bool requantize = true, int threads = 2) {
    ThreadPool pool(threads);
    WHET_TRY(const Rotations rotations, rotations_of(moments, pool));
    WHET_TRY(const SparsityPlan plan, published_budget(model.model.config, 0.4));
    return write_rotated_model(
        model, rotations,
        {.mixture = type_mixture(type).value(), .plan = plan, .allow_requantize = requantize}, to,
        pool, [](uint64_t, uint64_t) {}, nullptr);
  }
};

class SameLogits : public RotatedModelTest, public testing::WithParamInterface<const char*> {};

TEST_P(SameLogits, AsTheModelThatItWas) {
  const LoadedModel model = load_model(kGolden + GetParam() + ".gguf").value();
  const Windows windows = random_windows(model, 3, 60);
  const auto written = write(model, moments_of(model, windows), "f32", path("r.gguf"));
  ASSERT_TRUE(written.ok()) << written.error().message();
  const LoadedModel rotated = load_model(path("r.gguf")).value();
  EXPECT_LT(relative_distance(logits_of(model, windows[0]), logits_of(rotated, windows[0])), 1e-4);
  // Another basis, and no gains.
  const Weights& before = model.model.weights;
  const Weights& after = rotated.model.weights;
  EXPECT_NE(after.head.matrix.data, after.embedding.data);
  for (const LayerWeights& w : after.layers) {
    for (const float gain : w.attention_norm.gain) EXPECT_EQ(gain, 1.0f);
    for (const float gain : w.ffn_norm.gain) EXPECT_EQ(gain, 1.0f);
  }
  for (const float gain : after.output_norm.gain) EXPECT_EQ(gain, 1.0f);
  EXPECT_EQ(before.layers.front().v.bias.empty(), after.layers.front().v.bias.empty());
}

INSTANTIATE_TEST_SUITE_P(Models, SameLogits,
                         testing::Values("tied", "untied", "qwen2", "models/qwen2_biases",
                                         "models/qwen3", "models/llama_biases", "models/mistral",
                                         "models/granite", "models/gemma"));

TEST_F(RotatedModelTest, TheStreamIsUncorrelatedOnTheTextItWasCalibratedWith) {
  const LoadedModel model = load_model(kGolden + "qwen2.gguf").value();
  const Windows windows = random_windows(model, 4, 64);
  const Moments before = moments_of(model, windows);
  ASSERT_TRUE(write(model, before, "f32", path("r.gguf")).ok());
  const LoadedModel rotated = load_model(path("r.gguf")).value();
  const Moments after = moments_of(rotated, windows);
  const auto check = [](const SecondMoment& moment) {
    const auto sums = moment.matrix();
    const int64_t n = moment.width();
    double trace = 0, off = 0;
    for (int64_t i = 0; i < n; ++i) {
      const double power = sums[static_cast<size_t>(i * n + i)];
      trace += power;
      const double last = i == 0 ? power : sums[static_cast<size_t>((i - 1) * (n + 1))];
      EXPECT_LE(power, last + 1e-3 * trace);
      for (int64_t j = 0; j < i; ++j)
        off = std::max(off, std::abs(sums[static_cast<size_t>(i * n + j)]));
    }
    EXPECT_LT(off, 1e-3 * trace);  // keys and values lie in F16
  };
  check(after.residual);
  for (const SecondMoment& head : after.heads) check(head);
}

TEST_F(RotatedModelTest, TheFileCarriesItsPlan) {
  const LoadedModel model = load_model(kGolden + "qwen2.gguf").value();
  const auto written =
      write(model, moments_of(model, random_windows(model, 2, 64)), "f16", path("r.gguf"));
  ASSERT_TRUE(written.ok());
  for (const QuantizedTensor& tensor : *written) EXPECT_LT(tensor.relative_error, 1e-3);
  const ModelFile file = open_model_file(path("r.gguf")).value();
  const SparsityPlan plan = published_budget(model.model.config, 0.4).value();
  EXPECT_EQ(file.get_string("whet.sparsity.method").value(), "larosa");
  EXPECT_FLOAT_EQ(static_cast<float>(file.get_float("whet.sparsity.share").value()),
                  static_cast<float>(plan.share));
  const char* const names[] = {"attention_input", "attention_output", "ffn_input", "ffn_output"};
  for (size_t site = 0; site < kSparsitySites; ++site) {
    const auto kept = file.get_ints(std::string("whet.sparsity.") + names[site]).value();
    ASSERT_EQ(kept.size(), plan.kept.size());
    for (size_t i = 0; i < kept.size(); ++i) EXPECT_EQ(kept[i], plan.kept[i][site]);
  }
}

TEST_F(RotatedModelTest, AnotherPlanLeavesTheWeights) {
  const LoadedModel model = load_model(kGolden + "qwen2.gguf").value();
  ASSERT_TRUE(
      write(model, moments_of(model, random_windows(model, 2, 64)), "f16", path("r.gguf")).ok());
  const LoadedModel rotated = load_model(path("r.gguf")).value();
  ASSERT_NE(rotated.model.sparsity, nullptr);
  const SparsityPlan plan = balanced_budget(model.model.config, 0.3, 1.0).value();
  ThreadPool pool(1);
  ASSERT_TRUE(write_with_plan(rotated, plan, path("r.gguf"), pool, nullptr).ok());
  const LoadedModel again = load_model(path("r.gguf")).value();
  EXPECT_EQ(again.model.sparsity->kept, plan.kept);
  EXPECT_TRUE(again.model.sparsity->scores.empty());
  ASSERT_EQ(again.file.tensors.size(), rotated.file.tensors.size());
  for (const TensorEntry& tensor : rotated.file.tensors) {
    EXPECT_TRUE(std::ranges::equal(tensor.bytes, again.file.find_tensor(tensor.name)->bytes))
        << tensor.name;
  }
}

TEST_F(RotatedModelTest, ScoresAreNormsOfColumnsAndComeBack) {
  const LoadedModel model = load_model(kGolden + "qwen2.gguf").value();
  ThreadPool pool(2);
  SparsityPlan plan = published_budget(model.model.config, 0.4).value();
  score_by_column_norms(model.model, pool, plan);
  ASSERT_TRUE(write_with_plan(model, plan, path("w.gguf"), pool, nullptr).ok());
  const LoadedModel again = load_model(path("w.gguf")).value();
  EXPECT_EQ(again.model.sparsity->method, "wina");
  EXPECT_EQ(again.model.sparsity->scores, plan.scores);
  const LayerWeights& w = model.model.weights.layers[1];
  double sum = 0;  // of F32 weights, column 3 of gate and up
  for (const Matrix* m : {&w.gate.matrix, &w.up.matrix}) {
    ASSERT_EQ(m->type, DType::F32);
    const auto* values = reinterpret_cast<const float*>(m->data);
    for (int64_t r = 0; r < m->rows; ++r) {
      const double value = values[r * m->columns + 3];
      sum += value * value;
    }
  }
  EXPECT_NEAR(plan.scores[1][2][3], std::sqrt(sum), 1e-5 * std::sqrt(sum));
  SparsityPlan bad = plan;
  bad.scores[1][2][3] = -1;
  ASSERT_TRUE(write_with_plan(model, bad, path("w.gguf"), pool, nullptr).ok());
  EXPECT_FALSE(load_model(path("w.gguf")).ok());
  bad.scores[1][2].pop_back();
  ASSERT_TRUE(write_with_plan(model, bad, path("w.gguf"), pool, nullptr).ok());
  EXPECT_FALSE(load_model(path("w.gguf")).ok());
}

TEST_F(RotatedModelTest, LossIsThatOfTheLogitsAndGrowsAsChannelsAreLeftOut) {
  LoadedModel model = load_model(WHET_SOURCE_DIR "/models/whetstone-2.8m-q8_0.gguf").value();
  const auto text = model.tokenizer->encode(
      "Ana has 5 apples and 3 pears. Ben has 5 apples and 2 pears. How many apples do they have "
      "together? Ana has 5 apples and Ben has 5 apples, so they have 10 apples together.",
      {.add_special = false, .parse_special = false});
  const Windows windows = {text.value()};
  ThreadPool one(1), two(2);
  const double dense = text_loss(model.model, windows, two, nullptr).value();
  ForwardScratch scratch(model.model.config);
  const auto n = static_cast<int64_t>(windows[0].size());
  KvSequence kv = KvSequence::create(kv_shape_of(model.model.config, n)).value();
  const StepSegment segment{&kv, windows[0], StepSegment::Logits::kAll};
  const auto logits = forward(model.model, {&segment, 1}, scratch, one);
  double expected = 0;
  const auto vocab = static_cast<size_t>(model.model.config.vocab_size);
  for (size_t t = 0; t + 1 < windows[0].size(); ++t) {
    double sum = 0;
    for (const float logit : logits.subspan(t * vocab, vocab)) sum += std::exp(double{logit});
    expected += std::log(sum) - logits[t * vocab + static_cast<size_t>(windows[0][t + 1])];
  }
  EXPECT_NEAR(dense, expected / static_cast<double>(n - 1), 1e-6);
  const auto loss_at = [&](double p) {
    model.model.sparsity =
        std::make_shared<const SparsityPlan>(published_budget(model.model.config, p).value());
    return text_loss(model.model, windows, two, nullptr).value();
  };
  EXPECT_EQ(loss_at(0), dense);
  EXPECT_GT(loss_at(0.8), dense + 0.1);
  const double half = loss_at(0.5);
  EXPECT_EQ(text_loss(model.model, windows, one, nullptr).value(), half);
}

TEST_F(RotatedModelTest, APlanThatDoesNotFitTheModelIsRefused) {
  const LoadedModel model = load_model(kGolden + "qwen2.gguf").value();
  ASSERT_TRUE(
      write(model, moments_of(model, random_windows(model, 2, 64)), "f32", path("r.gguf")).ok());
  const LoadedModel rotated = load_model(path("r.gguf")).value();
  ThreadPool pool(1);
  SparsityPlan plan = *rotated.model.sparsity;
  plan.kept[1][2] = model.model.config.d_model + 1;
  ASSERT_TRUE(write_with_plan(rotated, plan, path("bad.gguf"), pool, nullptr).ok());
  const auto refused = load_model(path("bad.gguf"));
  ASSERT_FALSE(refused.ok());
  EXPECT_NE(refused.error().message().find("whet.sparsity.ffn_input: layer 1"), std::string::npos)
      << refused.error().message();
  plan.kept.pop_back();
  ASSERT_TRUE(write_with_plan(rotated, plan, path("bad.gguf"), pool, nullptr).ok());
  EXPECT_FALSE(load_model(path("bad.gguf")).ok());
}

TEST_F(RotatedModelTest, AnyNumberOfThreadsAndAnyBreakGiveTheSameBytes) {
  const LoadedModel model = load_model(WHET_SOURCE_DIR "/models/whetstone-2.8m-q8_0.gguf").value();
  const Windows windows = random_windows(model, 3, 90);
  const Moments whole = moments_of(model, windows, 2);
  ASSERT_TRUE(write(model, whole, "q4_k_m", path("a.gguf"), true, 2).ok());
  Moments resumed = moments_of(model, Windows(windows.begin(), windows.begin() + 2), 1);
  ThreadPool pool(1);
  int64_t n_calls = 0;
  const auto count = [&](const Moments&) {
    ++n_calls;
    return ok_status();
  };
  ASSERT_TRUE(collect_moments(model.model, windows, pool, count, nullptr, resumed).ok());
  EXPECT_EQ(n_calls, 1);
  ASSERT_TRUE(write(model, resumed, "q4_k_m", path("b.gguf"), true, 1).ok());
  EXPECT_EQ(content_of(path("a.gguf")), content_of(path("b.gguf")));
}

TEST_F(RotatedModelTest, AQuantisedInputIsRefusedUnlessAllowed) {
  const LoadedModel model = load_model(WHET_SOURCE_DIR "/models/whetstone-2.8m-q8_0.gguf").value();
  const Moments moments = moments_of(model, random_windows(model, 1, 64));
  const auto refused = write(model, moments, "f16", path("r.gguf"), false);
  ASSERT_FALSE(refused.ok());
  EXPECT_NE(refused.error().message().find("--allow-requantize"), std::string::npos);
  EXPECT_FALSE(std::filesystem::exists(path("r.gguf")));
}

TEST_F(RotatedModelTest, AModelWithNormsBehindItsHalvesIsRefused) {
  const LoadedModel model = load_model(kGolden + "models/gemma3.gguf").value();
  const Moments moments(model.model.config);
  Rotations rotations;
  rotations.residual.width = model.model.config.d_model;
  ThreadPool pool(1);
  const auto refused = write_rotated_model(
      model, rotations, {.mixture = type_mixture("f32").value(), .plan = {}}, path("r.gguf"), pool,
      [](uint64_t, uint64_t) {}, nullptr);
  ASSERT_FALSE(refused.ok());
  EXPECT_NE(refused.error().message().find("gemma3"), std::string::npos);
}

}  // namespace
}  // namespace whet::adapt
