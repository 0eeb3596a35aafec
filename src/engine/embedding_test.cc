// Embeddings beside transformers': tests/golden/make_embedding_golden.py wrote embeddings.json.
#include <gtest/gtest.h>

#include <cmath>
#include <fstream>
#include <nlohmann/json.hpp>

#include "engine/engine.h"
#include "engine/state_pool.h"

namespace whet {
namespace {

using nlohmann::json;

const std::string kGolden = WHET_SOURCE_DIR "/tests/golden/";

const json& golden() {
  static const json loaded = [] {
    std::ifstream file(kGolden + "embeddings.json");
    return json::parse(file);
  }();
  return loaded;
}

std::unique_ptr<Engine> engine_of(const std::string& name, const EngineOptions& options) {
  auto loaded = load_model(kGolden + name);
  if (!loaded.ok()) ADD_FAILURE() << loaded.error().message();
  auto created = Engine::create(std::move(*loaded), options);
  if (!created.ok()) ADD_FAILURE() << created.error().message();
  return std::move(*created);
}

EmbedRequest all_texts_of(const std::string& name) {
  EmbedRequest request;
  for (const json& text : golden()["models"][name]) {
    request.inputs.emplace_back(text["ids"].get<std::vector<int32_t>>());
  }
  return request;
}

class GoldenEmbedding : public ::testing::TestWithParam<std::tuple<const char*, Pooling>> {};

TEST_P(GoldenEmbedding, IsWhatTransformersComputes) {
  const auto [name, pooling] = GetParam();
  EngineOptions options;
  options.pooling = pooling;
  options.kv_type = DType::F32;
  auto engine = engine_of(std::string(name) + ".gguf", options);
  EmbedRequest request = all_texts_of(name);
  request.normalise = false;
  auto embeddings = engine->embed(request);
  ASSERT_TRUE(embeddings.ok()) << embeddings.error().message();
  const json& texts = golden()["models"][name];
  ASSERT_EQ(embeddings->size(), texts.size());
  for (size_t i = 0; i < texts.size(); ++i) {
    const auto expected = texts[i][std::string(pooling_name(pooling))].get<std::vector<double>>();
    const Embedding& found = (*embeddings)[i];
    ASSERT_EQ(found.values.size(), expected.size());
    EXPECT_EQ(found.n_tok, static_cast<int64_t>(texts[i]["ids"].size()));
    double worst = 0, largest = 0;
    for (size_t k = 0; k < expected.size(); ++k) {
      worst = std::max(worst, std::abs(double{found.values[k]} - expected[k]));
      largest = std::max(largest, std::abs(expected[k]));
    }
    EXPECT_LT(worst, 2e-3 * largest) << "text " << i;
  }
}

INSTANTIATE_TEST_SUITE_P(All, GoldenEmbedding,
                         ::testing::Combine(::testing::Values("tied", "qwen2", "models/gemma3"),
                                            ::testing::Values(Pooling::kMean, Pooling::kFirst,
                                                              Pooling::kLast)));

TEST(Embedding, IsTheSameAloneTogetherInChunksAndFromTheCache) {
  EngineOptions options;
  options.pooling = Pooling::kMean;
  auto together = engine_of("tied.gguf", options);
  const EmbedRequest request = all_texts_of("tied");
  const auto expected = together->embed(request);
  ASSERT_TRUE(expected.ok());
  for (const auto& e : *expected) {
    double square = 0;
    for (float v : e.values) square += double{v} * double{v};
    EXPECT_NEAR(square, 1, 1e-5);
  }
  options.batch = 3;
  auto chunked = engine_of("tied.gguf", options);
  options.pooling = Pooling::kLast;
  auto last = engine_of("tied.gguf", options);
  const auto expected_last = last->embed(request);
  ASSERT_TRUE(expected_last.ok());
  for (size_t i = 0; i < request.inputs.size(); ++i) {
    EmbedRequest alone;
    alone.inputs = {request.inputs[i]};
    EXPECT_EQ((*chunked->embed(alone)).front().values, (*expected)[i].values);
    EXPECT_EQ((*last->embed(alone)).front().values, (*expected_last)[i].values) << "cached";
  }
}

TEST(Embedding, RefusesWhatHasNoVectorAndNamesTheInput) {
  EngineOptions options;
  options.context = 16;
  auto engine = engine_of("tied.gguf", options);
  EmbedRequest request;
  const std::vector<int32_t> good(16, 3), longer(17, 3), none;
  request.inputs = {good, longer};
  auto refused = engine->embed(request);
  ASSERT_FALSE(refused.ok());
  EXPECT_NE(refused.error().message().find("input 1"), std::string::npos);
  EXPECT_NE(refused.error().message().find("17"), std::string::npos);
  request.inputs = {none};
  EXPECT_EQ(engine->embed(request).error().code(), ErrorCode::kInvalidArgument);
  request.inputs = {std::vector<int32_t>{1, -1}};
  EXPECT_EQ(engine->embed(request).error().code(), ErrorCode::kInvalidArgument);
  request.inputs = {longer};
  request.truncate = true;
  auto cut = engine->embed(request);
  ASSERT_TRUE(cut.ok());
  EXPECT_EQ(cut->front().n_tok, 16);
  EXPECT_EQ(cut->front().n_cut_tok, 1);
  request.inputs = {good};
  EXPECT_EQ(engine->embed(request)->front().values, cut->front().values);
}

TEST(Embedding, ACancelledRequestEnds) {
  auto engine = engine_of("tied.gguf", {});
  CancelFlag cancel;
  cancel.cancel();
  const auto ended = engine->embed(all_texts_of("tied"), &cancel);
  ASSERT_FALSE(ended.ok());
  EXPECT_EQ(ended.error().code(), ErrorCode::kCancelled);
}

TEST(StatePool, ZerosStayZeros) {
  std::vector<float> zeros(4);
  normalise_length(zeros);
  EXPECT_EQ(zeros, std::vector<float>(4));
}

}  // namespace
}  // namespace whet
