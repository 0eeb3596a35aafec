// Importance matrices: what they count, their files, and what they change in a quantised model.
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <filesystem>
#include <numeric>

#include "base/rng.h"
#include "formats/gguf_bytes_for_test.h"
#include "formats/test_directory_for_test.h"
#include "kernels/interleave.h"
#include "kernels/kernels.h"
#include "quantize/block_encoder.h"
#include "quantize/importance_collector.h"
#include "quantize/importance_matrix.h"
#include "quantize/model_quantizer.h"

namespace whet {
namespace {

constexpr DType kWeighed[] = {DType::Q4_0, DType::Q4_1, DType::Q5_0, DType::Q5_1,
                              DType::Q4_K, DType::Q5_K, DType::Q6_K};
const std::string kGolden = std::string(WHET_SOURCE_DIR) + "/tests/golden";

std::vector<float> random_weights(size_t n, uint64_t seed) {
  const CounterRng rng(seed, 0);
  std::vector<float> x(n);
  for (size_t i = 0; i < n; ++i) {
    x[i] = static_cast<float>(rng.uniform(2 * i) + rng.uniform(2 * i + 1) - 1);
  }
  return x;
}

/// Sum of importance * (x - decoded)^2.
double weighed_error(DType type, const std::vector<float>& x, const std::vector<float>& importance,
                     const float* given) {
  std::vector<std::byte> blocks(row_bytes(dtype_info(type), x.size()));
  encode_row(type, x.data(), x.size(), blocks.data(), given);
  std::vector<float> back(x.size());
  kernels::dequantize_row(type, blocks.data(), back.data(), x.size());
  double error = 0;
  for (size_t i = 0; i < x.size(); ++i) {
    error += double{importance[i]} * std::pow(double{x[i]} - back[i], 2);
  }
  return error;
}

TEST(EncodeRow, ImportanceMovesTheErrorToWhereItCountsLess) {
  const std::vector<float> x = random_weights(1 << 13, 1);
  std::vector<float> importance(x.size());
  for (size_t i = 0; i < importance.size(); ++i) importance[i] = i % 16 == 3 ? 20.0f : 0.2f;
  for (const DType type : kWeighed) {
    EXPECT_LT(weighed_error(type, x, importance, importance.data()),
              0.9 * weighed_error(type, x, importance, nullptr))
        << dtype_info(type).name;
  }
}

TEST(EncodeRow, EqualImportanceIsNone) {
  const std::vector<float> x = random_weights(512, 2), ones(512, 1.0f);
  for (const DType type : kWeighed) {
    std::vector<std::byte> a(row_bytes(dtype_info(type), x.size())), b(a.size());
    encode_row(type, x.data(), x.size(), a.data());
    encode_row(type, x.data(), x.size(), b.data(), ones.data());
    EXPECT_EQ(a, b) << dtype_info(type).name;
  }
}

class Importance : public DirectoryTest {
 protected:
  static Result<ImportanceMatrix> collect(const LoadedModel& model,
                                          const std::vector<int32_t>& tokens,
                                          const ImportanceOptions& options) {
    ThreadPool pool(2);
    return collect_importance(
        model, tokens, options, pool, [](int64_t, int64_t) {}, nullptr);
  }
  Result<std::vector<QuantizedTensor>> quantize(const ImportanceMatrix& importance) {
    auto model = load_model(draft_);
    if (!model.ok()) return model.error();
    ThreadPool pool(2);
    return quantize_model(
        *model, type_mixture("q4_0").value(), path("out.gguf"),
        {.importance = &importance, .importance_file = "its.gguf"}, pool, [](uint64_t, uint64_t) {},
        nullptr);
  }
  static void expect_refused(const Result<ImportanceMatrix>& matrix, const std::string& why) {
    ASSERT_FALSE(matrix.ok()) << why;
    EXPECT_NE(matrix.error().message().find(why), std::string::npos) << matrix.error().message();
  }
  const std::string draft_ = std::string(WHET_SOURCE_DIR) + "/models/whetstone-draft";
  const std::vector<int32_t> tokens_{5, 17, 400, 3, 99, 7, 1, 250, 31, 12};
};

// The first layer's queries, keys and values read the normed embedding: computed here in double.
TEST_F(Importance, CountsTheSquaresOfWhatEntersAMatrix) {
  const LoadedModel model = load_model(draft_).value();
  const Weights& w = model.model.weights;
  const auto d = static_cast<size_t>(model.model.config.d_model);
  std::vector<double> expected(d);
  std::vector<float> row(d);
  std::vector<int32_t> read = tokens_;
  if (model.tokenizer->adds_bos()) read[0] = read[5] = model.tokenizer->bos().value();
  for (const int32_t token : read) {
    kernels::dequantize_row(w.embedding, token, row.data());
    double square = 0;
    for (const float x : row) square += double{x} * x;
    const double scale =
        1 / std::sqrt(square / static_cast<double>(d) + double{model.model.config.norm.epsilon});
    for (size_t i = 0; i < d; ++i) {
      expected[i] += std::pow(row[i] * scale * double{w.layers[0].attention_norm.gain[i]}, 2);
    }
  }
  const auto matrix = collect(model, tokens_, {.chunk_size = 5}).value();
  EXPECT_EQ(matrix.n_chunks, 2u);
  for (const char* name : {"blk.0.attn_q.weight", "blk.0.attn_k.weight", "blk.0.attn_v.weight"}) {
    const ChannelImportance& found = matrix.tensors.at(name);
    EXPECT_EQ(found.counts, std::vector<double>{10});
    ASSERT_EQ(found.sums.size(), d);
    for (size_t i = 0; i < d; ++i) EXPECT_NEAR(found.sums[i], expected[i], 1e-4 * expected[i]);
  }
  EXPECT_FALSE(matrix.tensors.contains("token_embd.weight"));
  EXPECT_FALSE(matrix.tensors.contains("output.weight"));
}

TEST_F(Importance, OfTheHeadOnlyWhereAsked) {
  const LoadedModel model = load_model(draft_).value();
  const bool tied = model.model.weights.head.matrix.data == model.model.weights.embedding.data;
  const std::string name = tied ? "token_embd.weight" : "output.weight";
  const auto matrix = collect(model, tokens_, {.chunk_size = 5, .head = true}).value();
  EXPECT_EQ(matrix.tensors.at(name).counts, std::vector<double>{10});
}

TEST_F(Importance, OfExpertsEachHasThoseThatChoseIt) {
  const std::string path = kGolden + "/models/olmoe.gguf";
  const LoadedModel model = load_model(path).value();
  const ExpertsForm& form = model.model.config.layers[0].experts;
  const std::vector<int32_t> tokens{5, 17, 40, 3, 9, 7, 1, 25, 31, 12};
  const auto matrix = collect(model, tokens, {.chunk_size = 10}).value();
  for (const char* name : {"blk.0.ffn_gate_exps.weight", "blk.0.ffn_down_exps.weight"}) {
    const ChannelImportance& found = matrix.tensors.at(name);
    ASSERT_EQ(static_cast<int64_t>(found.counts.size()), form.n_experts);
    EXPECT_EQ(std::accumulate(found.counts.begin(), found.counts.end(), 0.0),
              static_cast<double>(10 * form.n_used));
    const size_t columns = found.sums.size() / found.counts.size();
    for (size_t e = 0; e < found.counts.size(); ++e) {
      const double first = found.sums[e * columns];
      EXPECT_EQ(found.counts[e] > 0, first > 0) << name << e;
    }
  }
}

TEST_F(Importance, RefusesATextShorterThanAChunk) {
  const LoadedModel model = load_model(draft_).value();
  const auto matrix = collect(model, tokens_, {.chunk_size = 11});
  expect_refused(matrix, "at least one chunk of 11 tokens, found 10");
}

TEST_F(Importance, IsTheSameAfterAFile) {
  ImportanceMatrix matrix;
  matrix.tensors["blk.0.a.weight"] = {{1, 2.5, 0, 4}, {8}};
  matrix.tensors["blk.0.b_exps.weight"] = {{1, 2, 3, 4, 5, 6}, {3, 0}};
  matrix.datasets = {"a text.txt"};
  matrix.n_chunks = 2;
  matrix.chunk_size = 4;
  ASSERT_TRUE(write_importance_matrix(matrix, path("m.gguf")).ok());
  const auto read = read_importance_matrix(path("m.gguf")).value();
  ASSERT_EQ(read.tensors.size(), 2u);
  for (const auto& [name, channels] : matrix.tensors) {
    EXPECT_EQ(read.tensors.at(name).sums, channels.sums);
    EXPECT_EQ(read.tensors.at(name).counts, channels.counts);
  }
  EXPECT_EQ(read.datasets, matrix.datasets);
  EXPECT_EQ(read.n_chunks, 2u);
  EXPECT_EQ(read.chunk_size, 4u);
}

TEST_F(Importance, ReadsTheOlderFormat) {
  GgufBytes bytes;
  bytes.number<int32_t>(1).number<int32_t>(14).raw("blk.0.a.weight").number<int32_t>(4);
  bytes.number<int32_t>(2).number(6.0f).number(2.0f);
  const std::string without_trailer = bytes.str();
  bytes.number<int32_t>(7).number<int32_t>(4).raw("text");
  for (const std::string& content : {without_trailer, bytes.str()}) {
    const auto matrix = read_importance_matrix(put("m.dat", content)).value();
    const ChannelImportance& found = matrix.tensors.at("blk.0.a.weight");
    EXPECT_EQ(found.sums, (std::vector<double>{6, 2}));
    EXPECT_EQ(importance_of(found, "a", 1, 2).value(), (std::vector<float>{1.5f, 0.5f}));
    EXPECT_EQ(matrix.n_chunks, content == without_trailer ? 0u : 7u);
  }
  for (size_t n = 1; n < without_trailer.size(); ++n) {
    EXPECT_FALSE(read_importance_matrix(put("cut.dat", without_trailer.substr(0, n))).ok()) << n;
  }
}

TEST_F(Importance, RefusesWhatIsNone) {
  expect_refused(read_importance_matrix(kGolden + "/qwen2.gguf"), "NAME.in_sum2");
  const auto of = [&](std::vector<float> sums, std::vector<float> counts) {
    GgufBytes bytes;
    bytes.header(2, 1).string_key("general.type", "imatrix");
    bytes.tensor("a.in_sum2", {sums.size(), 1}, 0, 0);
    bytes.tensor("a.counts", {1, counts.size()}, 0, 32).pad();
    for (auto* values : {&sums, &counts}) {
      bytes.raw({reinterpret_cast<const char*>(values->data()), values->size() * sizeof(float)});
      bytes.pad();
    }
    return read_importance_matrix(put("m.gguf", bytes.str()));
  };
  EXPECT_TRUE(of({1, 2, 3, 4}, {2}).ok());
  expect_refused(of({1, 2, -3, 4}, {2}), "found -3");
  expect_refused(of({1, 2, NAN, 4}, {2}), "found nan");
  expect_refused(of({1, 2, 3, 4}, {1, 1, 1}), "4 and 3 values");
  GgufBytes alone;
  alone.header(1, 0).tensor("a.in_sum2", {2}, 0, 0).pad().data(32, '\0');
  expect_refused(read_importance_matrix(put("alone.gguf", alone.str())), "2 and 0 values");
}

TEST(ImportanceOf, IsRelativeToTheMeanOfItsMatrix) {
  const ChannelImportance two{{1, 3, 0, 8, 0, 0}, {5, 1, 0}};
  const std::vector<float> found = importance_of(two, "a", 3, 2).value();
  EXPECT_EQ(found[0], 0.5f);
  EXPECT_EQ(found[1], 1.5f);
  EXPECT_GT(found[2], 0.0f) << "a channel that was never used may be used by another text";
  EXPECT_LT(found[2], 0.01f);
  EXPECT_EQ(found[4], 1.0f) << "nothing is known of a matrix that was never reached";
  const auto wrong = importance_of(two, "a", 2, 2);
  ASSERT_FALSE(wrong.ok());
  EXPECT_NE(wrong.error().message().find("of another model"), std::string::npos);
}

TEST_F(Importance, WeighsTheTensorsThatItKnowsAndNamesTheOthers) {
  const LoadedModel model = load_model(draft_).value();
  auto matrix = collect(model, tokens_, {.chunk_size = 5}).value();
  matrix.tensors.erase("blk.0.attn_k.weight");
  const auto tensors = quantize(matrix).value();
  EXPECT_EQ(tensors_without_importance(tensors), std::vector<std::string>{"blk.0.attn_k.weight"});
  for (const QuantizedTensor& tensor : tensors) {
    EXPECT_EQ(tensor.weighed, matrix.tensors.contains(tensor.name) && tensor.to == DType::Q4_0)
        << tensor.name;
  }
  const auto written = open_model_file(path("out.gguf")).value();
  EXPECT_EQ(written.get_string("quantize.imatrix.file").value(), "its.gguf");
  EXPECT_EQ(written.get_uint("quantize.imatrix.chunks_count").value(), 2u);
}

TEST_F(Importance, OfAnotherModelIsRefused) {
  const auto refused = [&](const ImportanceMatrix& matrix) {
    const auto result = quantize(matrix);
    EXPECT_FALSE(std::filesystem::exists(path("out.gguf")));
    return result.ok() ? std::string() : result.error().message();
  };
  ImportanceMatrix foreign;
  foreign.tensors["blk.99.attn_q.weight"] = {{1, 2}, {1}};
  EXPECT_NE(refused(foreign).find("blk.99.attn_q.weight"), std::string::npos);
  ImportanceMatrix narrow;
  narrow.tensors["blk.0.attn_q.weight"] = {{1, 2}, {1}};
  EXPECT_NE(refused(narrow).find("found 2 values"), std::string::npos);
}

}  // namespace
}  // namespace whet
