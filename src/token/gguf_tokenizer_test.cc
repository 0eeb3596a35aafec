// The vocabularies and recorded ids that llama.cpp tests itself with: texts of every kind of
// white space, digits, scripts and emoji.
#include "token/gguf_tokenizer.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <sstream>

#include "token/tokenizer_factory.h"

namespace whet {
namespace {

std::string read_file(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return std::string(std::istreambuf_iterator<char>(file), {});
}

std::vector<std::string> split_cases(const std::string& text) {
  std::string marker = "\n__ggml_vocab_test__\n";
  std::vector<std::string> cases;
  size_t pos = 0;
  for (size_t hit; (hit = text.find(marker, pos)) != text.npos; pos = hit + marker.size()) {
    cases.push_back(text.substr(pos, hit - pos));
  }
  return cases;
}

std::vector<std::vector<TokenId>> read_ids(const std::string& text) {
  std::vector<std::vector<TokenId>> all;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    std::istringstream numbers(line);
    all.emplace_back(std::istream_iterator<TokenId>(numbers), std::istream_iterator<TokenId>());
  }
  return all;
}

class RecordedVocabulary : public testing::TestWithParam<const char*> {
 protected:
  void SetUp() override {
    path_ = std::string(WHET_SHARED_DIR "/data/tokenizers/ggml-vocab-") + GetParam() + ".gguf";
    if (!std::filesystem::exists(path_)) GTEST_SKIP() << "no recorded vocabulary at " << path_;
    auto file = open_model_file(path_);
    ASSERT_TRUE(file.ok()) << file.error().message();
    auto tokenizer = make_tokenizer(*file);
    ASSERT_TRUE(tokenizer.ok()) << tokenizer.error().message();
    tokenizer_ = *tokenizer;
  }

  std::string path_;
  std::shared_ptr<const Tokenizer> tokenizer_;
};

TEST_P(RecordedVocabulary, EncodesAsRecorded) {
  const auto texts = split_cases(read_file(path_ + ".inp"));
  const auto expected = read_ids(read_file(path_ + ".out"));
  ASSERT_EQ(texts.size(), expected.size());
  ASSERT_GE(texts.size(), 40u);
  for (size_t i = 0; i < texts.size(); ++i) {
    auto ids = tokenizer_->encode(texts[i], {.add_special = false, .parse_special = false});
    ASSERT_TRUE(ids.ok()) << ids.error().message();
    EXPECT_EQ(*ids, expected[i]) << "case " << i << ": \"" << texts[i] << "\"";
  }
}

INSTANTIATE_TEST_SUITE_P(All, RecordedVocabulary,
                         testing::Values("gpt-2", "llama-bpe", "llama-spm", "phi-3",
                                         "deepseek-llm"),
                         [](const auto& parameter) {
                           std::string name = parameter.param;
                           std::replace(name.begin(), name.end(), '-', '_');
                           return name;
                         });

}  // namespace
}  // namespace whet
