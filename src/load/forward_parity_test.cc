// forward() against float64 references written by train/golden.py and train/stories260k.py, and
// against itself: any chunking, batch mates and thread count must give the same bits.
#include <gtest/gtest.h>

#include <cmath>
#include <fstream>
#include <nlohmann/json.hpp>

#include "load/model_config_reader.h"
#include "load/weight_binder.h"
#include "model/forward.h"

namespace whet {
namespace {

const std::string kGolden = WHET_SOURCE_DIR "/tests/golden/";

struct Opened {
  ModelFile file;
  Decoder model;
};

Opened open_model(const std::string& path) {
  auto file = open_model_file(path);
  EXPECT_TRUE(file.ok()) << file.error().message();
  auto config = read_model_config(*file);
  EXPECT_TRUE(config.ok()) << config.error().message();
  auto weights = bind_weights(*file, *config);
  EXPECT_TRUE(weights.ok()) << weights.error().message();
  Decoder model{std::move(*config), std::move(*weights)};
  return {std::move(*file), std::move(model)};
}

nlohmann::json read_json(const std::string& name) {
  std::ifstream in(kGolden + name);
  return nlohmann::json::parse(in);
}

KvSequence new_kv(const Decoder& m, int64_t capacity = 256) {
  return std::move(KvSequence::create(kv_shape_of(m.config, capacity))).value();
}

/// Logits of every position, with the prompt cut into chunks of `chunk`.
std::vector<float> run_chunked(const Decoder& m, const std::vector<int32_t>& ids, size_t chunk,
                               int threads) {
  ThreadPool pool(threads);
  ForwardScratch scratch(m.config);
  KvSequence kv = new_kv(m);
  std::vector<float> all;
  for (size_t first = 0; first < ids.size(); first += chunk) {
    std::span<const int32_t> part(ids.data() + first, std::min(chunk, ids.size() - first));
    StepSegment segment{&kv, part, StepSegment::Logits::kAll};
    auto logits = forward(m, {&segment, 1}, scratch, pool);
    all.insert(all.end(), logits.begin(), logits.end());
  }
  return all;
}

class GoldenModel : public ::testing::TestWithParam<std::tuple<const char*, const char*>> {};

// The KV cache holds f16, so a logit may differ by about 2^-11 of the attention's share of it.
TEST_P(GoldenModel, LogitsMatchTheFloat64Reference) {
  auto [name, suffix] = GetParam();
  auto golden = read_json(std::string(name) + ".json");
  Opened opened = open_model(kGolden + name + suffix);
  auto ids = golden["ids"].get<std::vector<int32_t>>();
  std::vector<float> logits = run_chunked(opened.model, ids, ids.size(), 2);
  size_t vocab = static_cast<size_t>(opened.model.config.vocab_size);
  double worst = 0, largest = 0;
  for (size_t i = 0; i < ids.size(); ++i) {
    for (size_t v = 0; v < vocab; ++v) {
      double expected = golden["logits"][i][v].get<double>();
      worst = std::max(worst, std::abs(expected - logits[i * vocab + v]));
      largest = std::max(largest, std::abs(expected));
    }
  }
  EXPECT_LT(worst, 2e-3 * largest);
}

TEST_P(GoldenModel, GreedyContinuationMatches) {
  auto [name, suffix] = GetParam();
  auto golden = read_json(std::string(name) + ".json");
  Opened opened = open_model(kGolden + name + suffix);
  auto ids = golden["ids"].get<std::vector<int32_t>>();
  auto expected = golden["greedy"].get<std::vector<int32_t>>();
  ThreadPool pool(1);
  ForwardScratch scratch(opened.model.config);
  KvSequence kv = new_kv(opened.model);
  std::vector<int32_t> input = ids, found;
  while (found.size() < expected.size()) {
    StepSegment segment{&kv, input, StepSegment::Logits::kLast};
    auto logits = forward(opened.model, {&segment, 1}, scratch, pool);
    found.push_back(
        static_cast<int32_t>(std::max_element(logits.begin(), logits.end()) - logits.begin()));
    input = {found.back()};
  }
  EXPECT_EQ(found, expected);
}

TEST_P(GoldenModel, ChunksAndThreadsDoNotChangeABit) {
  auto [name, suffix] = GetParam();
  Opened opened = open_model(kGolden + name + suffix);
  auto ids = read_json(std::string(name) + ".json")["ids"].get<std::vector<int32_t>>();
  std::vector<float> whole = run_chunked(opened.model, ids, ids.size(), 1);
  for (size_t chunk : {1, 2, 3, 7, 16}) {
    for (int threads : {1, 2, 5})
      EXPECT_EQ(run_chunked(opened.model, ids, chunk, threads), whole) << chunk << " " << threads;
  }
}

INSTANTIATE_TEST_SUITE_P(All, GoldenModel,
                         ::testing::Combine(::testing::Values("tied", "untied", "qwen2", "phi2",
                                                              "scaled"),
                                            ::testing::Values(".gguf", "")));

TEST(Forward, BatchMatesDoNotChangeABit) {
  Opened opened = open_model(kGolden + "untied.gguf");
  const Decoder& m = opened.model;
  auto ids = read_json("untied.json")["ids"].get<std::vector<int32_t>>();
  size_t vocab = static_cast<size_t>(m.config.vocab_size);
  std::vector<float> alone = run_chunked(m, ids, 1, 1);

  // Three sequences at different positions advance together, one token a step.
  ThreadPool pool(2);
  ForwardScratch scratch(m.config);
  std::vector<KvSequence> kv;
  for (int i = 0; i < 3; ++i) kv.push_back(new_kv(m));
  for (size_t step = 0; step < ids.size() + 2; ++step) {
    std::vector<StepSegment> segments;
    std::vector<size_t> positions;
    for (size_t i = 0; i < 3; ++i) {
      if (step < i || step - i >= ids.size()) continue;
      segments.push_back({&kv[i], {&ids[step - i], 1}, StepSegment::Logits::kLast});
      positions.push_back(step - i);
    }
    auto logits = forward(m, segments, scratch, pool);
    for (size_t row = 0; row < positions.size(); ++row) {
      for (size_t v = 0; v < vocab; ++v) {
        ASSERT_EQ(logits[row * vocab + v], alone[positions[row] * vocab + v]);
      }
    }
  }
}

TEST(Forward, ForkedPrefixContinuesAsTheOriginal) {
  Opened opened = open_model(kGolden + "tied.gguf");
  const Decoder& m = opened.model;
  auto ids = read_json("tied.json")["ids"].get<std::vector<int32_t>>();
  size_t vocab = static_cast<size_t>(m.config.vocab_size);
  std::vector<float> alone = run_chunked(m, ids, 1, 1);
  ThreadPool pool(1);
  ForwardScratch scratch(m.config);
  KvSequence parent = new_kv(m), child = new_kv(m);
  size_t n = ids.size() - 1;
  StepSegment prefix{&parent, std::span(ids).first(n), StepSegment::Logits::kNone};
  EXPECT_TRUE(forward(m, {&prefix, 1}, scratch, pool).empty());
  child.copy_prefix(parent, static_cast<int64_t>(n));
  StepSegment last{&child, std::span(ids).last(1), StepSegment::Logits::kLast};
  auto logits = forward(m, {&last, 1}, scratch, pool);
  for (size_t v = 0; v < vocab; ++v) ASSERT_EQ(logits[v], alone[n * vocab + v]);
}

}  // namespace
}  // namespace whet
