// Round trips between the containers: bytes, not closeness.
#include "quantize/model_converter.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <filesystem>

#include "formats/test_directory_for_test.h"
#include "load/loaded_model.h"
#include "model/forward.h"
#include "quantize/model_quantizer.h"
#include "token/tokenizer_factory.h"

namespace whet {
namespace {

const std::string kDraft = std::string(WHET_SOURCE_DIR) + "/models/whetstone-draft";
const std::string kQ8 = std::string(WHET_SOURCE_DIR) + "/models/whetstone-draft-q8_0.gguf";

class ConvertModel : public DirectoryTest {
 protected:
  Status to_directory(const std::string& input, const std::string& output,
                      const ConvertOptions& options) {
    auto model = load_model(input);
    if (!model.ok()) return model.error();
    auto written = convert_model(
        *model, output, options, pool_, [](uint64_t, uint64_t) {}, nullptr);
    if (!written.ok()) return written.error();
    report = std::move(*written);
    return ok_status();
  }
  /// With the types of the input, or of a mixture.
  Status to_gguf(const std::string& input, const std::string& output, const char* type = nullptr) {
    auto model = load_model(input);
    if (!model.ok()) return model.error();
    std::optional<TypeMixture> mixture;
    if (type != nullptr) mixture = type_mixture(type).value();
    auto written = quantize_model(
        *model, mixture, output, {}, pool_, [](uint64_t, uint64_t) {}, nullptr);
    return written.ok() ? ok_status() : written.error();
  }
  /// Every tensor of both files, by name, type, shape and bytes.
  static void expect_same_tensors(const std::string& a, const std::string& b) {
    const ModelFile first = open_model_file(a).value(), second = open_model_file(b).value();
    EXPECT_EQ(first.tensors.size(), second.tensors.size());
    for (const TensorEntry& tensor : first.tensors) {
      const TensorEntry* other = second.find_tensor(tensor.name);
      ASSERT_NE(other, nullptr) << tensor.name;
      EXPECT_EQ(tensor.type, other->type) << tensor.name;
      EXPECT_EQ(tensor.shape, other->shape) << tensor.name;
      ASSERT_EQ(tensor.bytes.size(), other->bytes.size()) << tensor.name;
      EXPECT_EQ(std::memcmp(tensor.bytes.data(), other->bytes.data(), tensor.bytes.size()), 0)
          << tensor.name;
    }
  }
  std::vector<float> logits_of(const std::string& path) {
    const LoadedModel model = load_model(path).value();
    const ModelConfig& c = model.model.config;
    KvSequence kv = KvSequence::create(kv_shape_of(c, 64, DType::F32)).value();
    ForwardScratch scratch(c, /*exact=*/true);
    const std::vector<int32_t> tokens{5, 17, 400, 3, 99, 7, 1, 250, 31};
    const StepSegment segment{&kv, tokens, StepSegment::Logits::kAll};
    const auto out = forward(model.model, {&segment, 1}, scratch, pool_);
    return std::vector<float>(out.begin(), out.end());
  }

  /// The containers rotate other pairs of a head, so that sums over it have another order.
  void expect_close_logits(const std::string& a, const std::string& b) {
    const std::vector<float> first = logits_of(a), second = logits_of(b);
    ASSERT_EQ(first.size(), second.size());
    float largest = 0, difference = 0;
    for (size_t i = 0; i < first.size(); ++i) {
      largest = std::max(largest, std::abs(first[i]));
      difference = std::max(difference, std::abs(first[i] - second[i]));
    }
    EXPECT_LE(difference, 1e-5f * largest) << a << " and " << b;
  }

  std::vector<ConvertedTensor> report;
  ThreadPool pool_{2};
};

TEST_F(ConvertModel, SafeTensorsToGgufAndBackIsTheSameFile) {
  ASSERT_TRUE(to_gguf(kDraft, path("a.gguf")).ok());
  const Status back = to_directory(path("a.gguf"), path("back"), {});
  ASSERT_TRUE(back.ok()) << back.error().message();
  expect_same_tensors(kDraft, path("back"));
  for (const ConvertedTensor& tensor : report) EXPECT_EQ(tensor.relative_error, 0) << tensor.name;
  EXPECT_EQ(logits_of(kDraft), logits_of(path("back")));
  const LoadedModel a = load_model(kDraft).value(), b = load_model(path("back")).value();
  EXPECT_EQ(a.chat_template_source, b.chat_template_source);
  EXPECT_EQ(*a.tokenizer->encode("Compute 12 + 34 * 5. It's\n", {}),
            *b.tokenizer->encode("Compute 12 + 34 * 5. It's\n", {}));
}

TEST_F(ConvertModel, GgufToSafeTensorsAndBackIsTheSameFile) {
  ASSERT_TRUE(to_gguf(kDraft, path("f16.gguf"), "f16").ok());
  ASSERT_TRUE(to_directory(path("f16.gguf"), path("directory"), {}).ok());
  ASSERT_TRUE(to_gguf(path("directory"), path("again.gguf")).ok());
  expect_same_tensors(path("f16.gguf"), path("again.gguf"));
}

TEST_F(ConvertModel, BlocksToMlxAndBackAreTheSameFile) {
  // 4, 5 and 8 bits, with and without a minimum.
  for (const char* type : {"q8_0", "q4_0", "q4_1", "q5_0", "q5_1"}) {
    const std::string gguf = path(std::string(type) + ".gguf"), mlx = path(type);
    ASSERT_TRUE(to_gguf(kDraft, gguf, type).ok());
    const Status converted = to_directory(gguf, mlx, {.mlx = true});
    ASSERT_TRUE(converted.ok()) << type << ": " << converted.error().message();
    expect_close_logits(gguf, mlx);
    const std::string again = path(std::string(type) + ".again.gguf");
    const Status back = to_gguf(mlx, again);
    ASSERT_TRUE(back.ok()) << type << ": " << back.error().message();
    expect_same_tensors(gguf, again);
  }
}

TEST_F(ConvertModel, MlxOfEveryWidthIsTheSameAfterMlx) {
  for (const int bits : {2, 3, 4, 5, 6, 8}) {
    const std::string first = path(std::to_string(bits));
    const Status converted =
        to_directory(kDraft, first, {.mlx = true, .quantise = AffineForm{bits, 32}});
    ASSERT_TRUE(converted.ok()) << converted.error().message();
    EXPECT_TRUE(open_model_file(first)->find_tensor("model.embed_tokens.scales") != nullptr);
    ASSERT_TRUE(to_directory(first, first + "_again", {.mlx = true}).ok());
    expect_same_tensors(first, first + "_again");
  }
}

// Windows, two ropes, soft caps, gains stored less one.
TEST_F(ConvertModel, GemmaToSafeTensorsAndBackIsTheSameFile) {
  for (const char* name : {"gemma2", "gemma3"}) {
    const std::string golden =
        std::string(WHET_SOURCE_DIR) + "/tests/golden/models/" + name + ".gguf";
    LoadedModel a = load_model(golden).value();
    // Its one merge names pieces that it does not have, which tokenizer.json may not.
    auto& tokens = std::get<std::vector<std::string>>(
        std::get<MetaArray>(a.file.metadata.at("tokenizer.ggml.tokens").value));
    std::copy_n(std::vector<std::string>{"a", "b", "ab"}.begin(), 3, tokens.end() - 3);
    a.tokenizer = make_tokenizer(a.file).value();
    const auto there = convert_model(
        a, path(name), {}, pool_, [](uint64_t, uint64_t) {}, nullptr);
    ASSERT_TRUE(there.ok()) << name << ": " << there.error().message();
    const LoadedModel b = load_model(path(name)).value();
    for (size_t i = 0; i < a.model.config.layers.size(); ++i) {
      const AttentionBlockForm& x = a.model.config.layers[i].attention;
      const AttentionBlockForm& y = b.model.config.layers[i].attention;
      EXPECT_EQ(x.window, y.window);
      EXPECT_EQ(x.rope, y.rope);
      EXPECT_EQ(x.scale, y.scale);
      EXPECT_EQ(x.softcap, y.softcap);
    }
    EXPECT_EQ(a.model.config.logit_softcap, b.model.config.logit_softcap);
    EXPECT_EQ(a.model.config.ropes.back().theta, b.model.config.ropes.back().theta);
    EXPECT_EQ(a.model.weights.layers[1].ffn_norm.gain, b.model.weights.layers[1].ffn_norm.gain);
    const std::string again = path(std::string(name) + ".again.gguf");
    ASSERT_TRUE(to_gguf(path(name), again).ok());
    expect_same_tensors(golden, again);
  }
}

TEST_F(ConvertModel, FloatsOfCodesAreTheirValues) {
  ASSERT_TRUE(to_directory(kQ8, path("f32"), {.floats = DType::F32}).ok());
  expect_close_logits(kQ8, path("f32"));
}

TEST_F(ConvertModel, SaysWhatItCannotKeep) {
  const auto holds = [](const Status& status, const char* part) {
    ASSERT_FALSE(status.ok()) << part;
    EXPECT_NE(status.error().message().find(part), std::string::npos) << status.error().message();
  };
  holds(to_directory(kQ8, path("x"), {}), "--type f16");
  EXPECT_FALSE(std::filesystem::exists(path("x")));
  std::filesystem::create_directory(path("taken"));
  put("taken/file", "x");
  holds(to_directory(kDraft, path("taken"), {}), "new or empty");
  ASSERT_TRUE(to_directory(kDraft, path("six"), {.mlx = true, .quantise = AffineForm{6, 32}}).ok());
  holds(to_gguf(path("six"), path("six.gguf")), "q8_0");
  EXPECT_FALSE(std::filesystem::exists(path("six.gguf")));
}

}  // namespace
}  // namespace whet
