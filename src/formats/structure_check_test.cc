#include "formats/structure_check.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "formats/gguf_bytes_for_test.h"
#include "formats/gguf_writer.h"
#include "formats/test_directory_for_test.h"
#include "formats/tokenizer_check.h"
#include "formats/untrusted_text.h"
#include "formats/weight_scan.h"

namespace whet {
namespace {

using StructureCheckTest = DirectoryTest;

const CheckFinding& find(const CheckFindings& findings, std::string_view check) {
  for (const CheckFinding& finding : findings) {
    if (finding.check == check) return finding;
  }
  static const CheckFinding kNone{"none", false, "no such finding"};
  return kNone;
}

void expect_failed(const CheckFindings& findings, std::string_view check, std::string_view detail) {
  const CheckFinding& finding = find(findings, check);
  EXPECT_EQ(finding.check, check);
  EXPECT_FALSE(finding.ok) << finding.detail;
  EXPECT_NE(finding.detail.find(detail), std::string::npos) << finding.detail;
}

bool all_ok(const CheckFindings& findings) {
  for (const CheckFinding& finding : findings) {
    if (!finding.ok) ADD_FAILURE() << finding.check << ": " << finding.detail;
  }
  return !testing::Test::HasFailure();
}

// A SentencePiece tokenizer of five tokens, whose parts the tests break.
ModelFile small_tokenizer() {
  ModelFile model{};
  auto set = [&](std::string_view key, auto value) {
    model.metadata.insert_or_assign(fmt::format("tokenizer.ggml.{}", key),
                                    MetaValue{std::move(value)});
  };
  set("model", std::string("llama"));
  set("tokens", MetaArray{std::vector<std::string>{"<unk>", "<s>", "<0x0A>", "<0xfF>", "a"}});
  set("scores", MetaArray{std::vector<double>(5)});
  set("token_type", MetaArray{std::vector<int64_t>{2, 3, 6, 6, 1}});
  set("bos_token_id", uint64_t{1});
  return model;
}

TEST(TokenizerCheck, AcceptsAConsistentTokenizer) {
  EXPECT_TRUE(all_ok(check_tokenizer(small_tokenizer())));
  EXPECT_TRUE(all_ok(check_tokenizer(ModelFile{})));
}

TEST(TokenizerCheck, ComparesTheArrays) {
  for (std::string_view key : {"tokenizer.ggml.scores", "tokenizer.ggml.token_type"}) {
    auto model = small_tokenizer();
    model.metadata.find(key)->second = {MetaArray{std::vector<int64_t>(4)}};
    expect_failed(check_tokenizer(model), "tokenizer arrays", "expected 5 elements");
  }
  auto model = small_tokenizer();
  model.metadata["tokenizer.ggml.token_type"] = {MetaArray{std::vector<int64_t>{2, 3, 6, 6, 7}}};
  expect_failed(check_tokenizer(model), "tokenizer arrays", "element 4");
  model.metadata["tokenizer.ggml.tokens"] = {uint64_t{1}};
  expect_failed(check_tokenizer(model), "tokenizer arrays", "expected an array");
}

// CVE-2025-52566: ids that are negative or beyond the vocabulary.
TEST(TokenizerCheck, BoundsSpecialIds) {
  auto model = small_tokenizer();
  model.metadata["tokenizer.ggml.eos_token_id"] = {uint64_t{5}};
  expect_failed(check_tokenizer(model), "token ids", "below 5, found 5");
  model.metadata["tokenizer.ggml.eos_token_id"] = {int64_t{-1}};
  expect_failed(check_tokenizer(model), "token ids", "eos_token_id");
}

TEST(TokenizerCheck, ValidatesByteTokens) {
  for (std::string_view text :
       {"<0x-1>", "<0x+1>", "<0x1>", "<0x001>", "<0xG0>", "<0x 1>", "<0x>"}) {
    EXPECT_FALSE(byte_of_token(text)) << text;
    auto model = small_tokenizer();
    auto& tokens = std::get<std::vector<std::string>>(
        std::get<MetaArray>(model.metadata["tokenizer.ggml.tokens"].value));
    tokens[4] = text;  // type "normal", yet it looks like a byte
    expect_failed(check_tokenizer(model), "byte tokens", "two hex digits");
    tokens[4] = "<0x0a>";
    expect_failed(check_tokenizer(model), "byte tokens", "each byte once");
  }
  EXPECT_EQ(byte_of_token("<0xfF>"), 255);
  EXPECT_EQ(byte_of_token("<0x00>"), 0);
}

TEST(TokenizerCheck, ValidatesMerges) {
  auto model = small_tokenizer();
  for (std::string_view merge : {"", "ab", "a ", " a"}) {
    model.metadata["tokenizer.ggml.merges"] = {
        MetaArray{std::vector<std::string>{"a b", std::string(merge)}}};
    expect_failed(check_tokenizer(model), "merges", "merge 1");
  }
}

TEST(UntrustedText, FindsInvalidUtf8) {
  for (std::string_view valid : {"", "a", "\u00e9", "\u20ac", "\U0001F600", "\xf4\x8f\xbf\xbf"}) {
    EXPECT_FALSE(find_invalid_utf8(valid)) << quote_untrusted(valid);
  }
  // Stray tail, overlong (2, 3, 4 bytes), surrogate, beyond U+10FFFF, truncated.
  for (std::string_view invalid :
       {"\x80", "\xc1\xbf", "\xe0\x9f\xbf", "\xf0\x8f\xbf\xbf", "\xed\xa0\x80", "\xf4\x90\x80\x80",
        "\xe2\x82", "\xf0\x9f\x98", "\xff"}) {
    EXPECT_EQ(find_invalid_utf8("ok" + std::string(invalid)), 2u) << quote_untrusted(invalid);
  }
}

TEST(WeightScan, FindsBadScalesOfEveryType) {
  constexpr DType kTypes[] = {DType::F32,  DType::F16,  DType::BF16, DType::Q4_0,   DType::Q4_1,
                              DType::Q5_0, DType::Q5_1, DType::Q8_0, DType::Q2_K,   DType::Q3_K,
                              DType::Q4_K, DType::Q5_K, DType::Q6_K, DType::IQ4_NL, DType::MXFP4};
  for (DType type : kTypes) {
    const DTypeInfo& info = dtype_info(type);
    std::vector<std::byte> data(100 * info.block_bytes);
    TensorEntry tensor{"t", type, {100u * info.block_elements}, data, 0, 0};
    EXPECT_EQ(scan_weights(tensor, std::nullopt).n_bad, 0u) << info.name;
    std::fill_n(data.begin() + 60 * info.block_bytes, info.block_bytes, std::byte{0xff});
    WeightScan scan = scan_weights(tensor, std::nullopt);
    EXPECT_EQ(scan.n_blocks_read, 100u);
    EXPECT_EQ(scan.n_bad, 1u) << info.name;
    EXPECT_EQ(scan.first_bad, 60u) << info.name;
  }
}

TEST(WeightScan, LooksAtTheSecondScale) {
  struct SecondScale {
    DType type;
    size_t offset;  // of dmin or m, from the GGUF specification
  };
  for (SecondScale scale :
       {SecondScale{DType::Q4_1, 2}, SecondScale{DType::Q5_1, 2}, SecondScale{DType::Q2_K, 82},
        SecondScale{DType::Q4_K, 2}, SecondScale{DType::Q5_K, 2}}) {
    const DTypeInfo& info = dtype_info(scale.type);
    std::vector<std::byte> data(info.block_bytes);
    TensorEntry tensor{"t", scale.type, {info.block_elements}, data, 0, 0};
    data[scale.offset + 1] = std::byte{0x7c};  // infinity
    EXPECT_EQ(scan_weights(tensor, std::nullopt).n_bad, 1u) << info.name;
  }
}

TEST(WeightScan, SamplesEvenlyWithBothEnds) {
  std::vector<std::byte> data(4 * 1000);
  TensorEntry tensor{"t", DType::F32, {1000}, data, 0, 0};
  std::fill(data.end() - 4, data.end(), std::byte{0xff});
  WeightScan scan = scan_weights(tensor, 10);
  EXPECT_EQ(scan.n_blocks_read, 10u);
  EXPECT_EQ(scan.first_bad, 999u);
  EXPECT_EQ(scan_weights(tensor, 1).n_bad, 0u);
  EXPECT_EQ(scan_weights(tensor, 5000).n_blocks_read, 1000u);
}

TEST_F(StructureCheckTest, AcceptsAValidFileAndHashesIt) {
  auto findings = check_structure(put("m.gguf", small_valid_gguf().str()));
  ASSERT_TRUE(findings.ok());
  EXPECT_TRUE(all_ok(*findings));
  EXPECT_NE(find(*findings, "sha256").detail.find(path("m.gguf")), std::string::npos);
  EXPECT_NE(find(*findings, "weights").detail.find("all blocks"), std::string::npos);
}

TEST_F(StructureCheckTest, ReportsWhatTheReaderRefuses) {
  std::string cut = small_valid_gguf().str();
  cut.pop_back();
  auto findings = check_structure(put("m.gguf", cut));
  ASSERT_TRUE(findings.ok());
  ASSERT_EQ(findings->size(), 1u);
  expect_failed(*findings, "structure", "end of the file");
}

TEST_F(StructureCheckTest, ReportsBadTextsAndWeights) {
  GgufBytes file;
  file.header(1, 2).string_key("a", "fine").array_key("b", 8, 2).text("ok").text("\xff\xfe");
  file.tensor("w", {8}, 0, 0).pad().data(32, '\xff');
  auto findings = check_structure(put("m.gguf", file.str()), {.max_blocks_per_tensor = 4});
  ASSERT_TRUE(findings.ok());
  expect_failed(*findings, "text encoding", "key \"b\": byte 0 of \"\\xff\\xfe\"");
  expect_failed(*findings, "weights", "4 of 4 read");
  expect_failed(*findings, "weights", "sample of at most 4");
}

TEST_F(StructureCheckTest, ChecksSideFilesAndCanBeCancelled) {
  put("model.safetensors",
      GgufBytes().text(R"({"t":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}})").data(4).str());
  put("config.json", "{");
  auto findings = check_structure(directory());
  ASSERT_TRUE(findings.ok());
  expect_failed(*findings, "side file", "config.json");
  auto cancelled =
      check_structure(directory(), {.progress = [](std::string_view, uint64_t) { return false; }});
  ASSERT_FALSE(cancelled.ok());
  EXPECT_EQ(cancelled.error().code(), ErrorCode::kCancelled);
}

TEST(RealVocabularies, AreConsistent) {
  for (std::string_view name : {"llama-spm", "llama-bpe", "phi-3", "gpt-2", "deepseek-llm"}) {
    std::string path = fmt::format("{}/data/tokenizers/ggml-vocab-{}.gguf", WHET_SHARED_DIR, name);
    if (!std::filesystem::exists(path)) GTEST_SKIP() << "no real vocabularies on this machine";
    auto findings = check_structure(path);
    ASSERT_TRUE(findings.ok());
    EXPECT_TRUE(all_ok(*findings)) << name;
  }
}

TEST(Goldens, GgufAndSafeTensorsHoldTheSameWeights) {
  for (std::string_view name : {"tied", "untied"}) {
    std::string path = fmt::format("{}/tests/golden/{}", WHET_SOURCE_DIR, name);
    if (!std::filesystem::exists(path)) GTEST_SKIP() << "no golden models in this checkout";
    auto findings = check_structure(path + ".gguf");
    ASSERT_TRUE(findings.ok());
    EXPECT_TRUE(all_ok(*findings)) << name;
    auto gguf = open_model_file(path + ".gguf");
    auto safe = open_model_file(path);
    ASSERT_TRUE(gguf.ok() && safe.ok());
    EXPECT_EQ(gguf->tensors.size(), safe->tensors.size());
    const TensorEntry* a = gguf->find_tensor("output_norm.weight");
    const TensorEntry* b = safe->find_tensor("model.norm.weight");
    ASSERT_TRUE(a != nullptr && b != nullptr);
    EXPECT_EQ(a->shape, b->shape);
    EXPECT_EQ(gguf->find_tensor("token_embd.weight")->shape,
              safe->find_tensor("model.embed_tokens.weight")->shape);
    EXPECT_EQ(gguf->find_tensor("blk.0.ffn_up.weight")->shape,
              safe->find_tensor("model.layers.0.mlp.up_proj.weight")->shape);
  }
}

}  // namespace
}  // namespace whet
