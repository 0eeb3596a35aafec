// forward() on real trained weights: stories260K (llama2.c's format, MIT), against the float64
// reference (keys and values rounded to f16, as in our cache) that train/stories260k.py recorded.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <fstream>
#include <nlohmann/json.hpp>

#include "model/forward.h"
#include "sys/file_bytes.h"

namespace whet {
namespace {

/// The file's tensors in their order, as views; llama2.c rotates neighbouring pairs.
Decoder bind(std::span<const std::byte> bytes) {
  int32_t header[7];  // dim, hidden, layers, heads, KV heads, vocabulary, positions
  std::memcpy(header, bytes.data(), sizeof(header));
  const int64_t dim = header[0], hidden = header[1], layers = header[2], heads = header[3];
  const int64_t kv_heads = header[4], vocab = header[5], positions = header[6];
  const int64_t head_dim = dim / heads, kv_dim = kv_heads * head_dim;
  Decoder model;
  ModelConfig& c = model.config;
  c.architecture = "llama";
  c.d_model = dim;
  c.vocab_size = vocab;
  c.context_length = positions;
  c.norm.epsilon = 1e-5f;
  RopeForm rope;
  rope.pairing = kernels::RopePairing::kInterleaved;
  rope.n_rotated = head_dim;
  c.ropes = {rope};
  LayerForm form;
  form.attention.n_heads = heads;
  form.attention.n_kv_heads = kv_heads;
  form.attention.head_dim = head_dim;
  form.attention.scale = 1.0f / std::sqrt(static_cast<float>(head_dim));
  form.ffn.dim = hidden;
  c.layers.assign(static_cast<size_t>(layers), form);
  const std::byte* at = bytes.data() + sizeof(header);
  auto matrix = [&](int64_t rows, int64_t columns) {
    Matrix m{DType::F32, at, rows, columns};
    at += rows * columns * static_cast<int64_t>(sizeof(float));
    return m;
  };
  auto vector = [&](int64_t n) {
    std::vector<float> values(static_cast<size_t>(n));
    std::memcpy(values.data(), at, values.size() * sizeof(float));
    at += n * static_cast<int64_t>(sizeof(float));
    return values;
  };
  Weights& w = model.weights;
  w.layers.resize(static_cast<size_t>(layers));
  w.embedding = matrix(vocab, dim);
  for (auto& layer : w.layers) layer.attention_norm.gain = vector(dim);
  for (auto& layer : w.layers) layer.q.matrix = matrix(dim, dim);
  for (auto& layer : w.layers) layer.k.matrix = matrix(kv_dim, dim);
  for (auto& layer : w.layers) layer.v.matrix = matrix(kv_dim, dim);
  for (auto& layer : w.layers) layer.attention_output.matrix = matrix(dim, dim);
  for (auto& layer : w.layers) layer.ffn_norm.gain = vector(dim);
  for (auto& layer : w.layers) layer.gate.matrix = matrix(hidden, dim);
  for (auto& layer : w.layers) layer.down.matrix = matrix(dim, hidden);
  for (auto& layer : w.layers) layer.up.matrix = matrix(hidden, dim);
  w.output_norm.gain = vector(dim);
  w.head.matrix = w.embedding;
  return model;
}

TEST(Stories260K, LogitsAndGreedyTextMatchTheReference) {
  auto file = FileBytes::map(WHET_SHARED_DIR "/data/models/stories260K.bin");
  if (!file.ok()) GTEST_SKIP() << "stories260K.bin is not here: " << file.error().message();
  std::ifstream in(WHET_SOURCE_DIR "/tests/golden/stories260k.json");
  auto golden = nlohmann::json::parse(in);
  Decoder model = bind((*file)->bytes());
  const ModelConfig& c = model.config;
  auto kv = KvSequence::create(kv_shape_of(c, c.context_length));
  ASSERT_TRUE(kv.ok());
  ThreadPool pool(2);
  ForwardScratch scratch(c);

  auto ids = golden["ids"].get<std::vector<int32_t>>();
  StepSegment segment{&*kv, ids, StepSegment::Logits::kAll};
  auto logits = forward(model, {&segment, 1}, scratch, pool);
  auto vocab = static_cast<size_t>(c.vocab_size);
  for (size_t i = 0; i < ids.size(); ++i) {
    auto row = logits.subspan(i * vocab, vocab);
    EXPECT_EQ(std::max_element(row.begin(), row.end()) - row.begin(),
              golden["argmax"][i].get<int64_t>())
        << i;
    for (const auto& pair : golden["top"][i]) {
      double expected = pair[1].get<double>();
      EXPECT_NEAR(row[pair[0].get<size_t>()], expected, 1e-3 * std::max(1.0, std::abs(expected)))
          << i;
    }
  }

  auto expected = golden["greedy"].get<std::vector<int32_t>>();
  auto input = golden["greedy_from"].get<std::vector<int32_t>>();
  std::vector<int32_t> found;
  kv->rewind(0);
  while (found.size() < expected.size()) {
    StepSegment step{&*kv, input, StepSegment::Logits::kLast};
    auto row = forward(model, {&step, 1}, scratch, pool);
    found.push_back(static_cast<int32_t>(std::max_element(row.begin(), row.end()) - row.begin()));
    input = {found.back()};
  }
  EXPECT_EQ(found, expected);
}

}  // namespace
}  // namespace whet
