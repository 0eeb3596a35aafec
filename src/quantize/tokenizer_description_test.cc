// Tokenizers of Hugging Face directories as GGUF metadata: the same ids on 400 texts that the
// description itself never saw, or a refusal.
#include "quantize/tokenizer_description.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "quantize/sentencepiece_description.h"
#include "token/gguf_tokenizer.h"
#include "token/tokenizer_factory.h"

namespace whet {
namespace {

const std::string kGolden = WHET_SOURCE_DIR "/tests/golden/";

std::string content_of(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return std::string(std::istreambuf_iterator<char>(file), {});
}

LoadedModel model_with_tokenizer(const std::string& name, const nlohmann::json& patch = {}) {
  LoadedModel model{};
  model.file.container = ModelFile::Container::kSafeTensors;
  for (const char* part : {"tokenizer.json", "tokenizer.model"}) {
    const std::string path = kGolden + name + "/" + part;
    if (std::filesystem::exists(path)) model.file.side_files[part] = content_of(path);
  }
  if (!patch.is_null()) {
    auto tokenizer = nlohmann::json::parse(model.file.side_files["tokenizer.json"]);
    tokenizer.merge_patch(patch);
    model.file.side_files["tokenizer.json"] = tokenizer.dump();
  }
  model.tokenizer = make_tokenizer(model.file).value();
  model.model.config.vocab_size = model.tokenizer->vocab_size() + 5;  // padded, as many are
  return model;
}

class GoldenDescription : public testing::TestWithParam<const char*> {};

TEST_P(GoldenDescription, ReadBackGivesTheSameIds) {
  const LoadedModel model = model_with_tokenizer(GetParam());
  ModelFile copy{};
  copy.container = ModelFile::Container::kGguf;
  const Status described = describe_tokenizer(model, copy.metadata);
  ASSERT_TRUE(described.ok()) << described.error().message();
  const auto tokenizer = make_gguf_tokenizer(copy).value();
  EXPECT_EQ(tokenizer->vocab_size(), model.tokenizer->vocab_size() + 5);
  for (const auto& text : nlohmann::json::parse(content_of(kGolden + "tok_texts.json"))) {
    for (const bool special : {false, true}) {
      const EncodeOptions options{.add_special = special, .parse_special = special};
      const auto expected = model.tokenizer->encode(text.get<std::string>(), options);
      const auto found = tokenizer->encode(text.get<std::string>(), options);
      ASSERT_EQ(expected.ok(), found.ok()) << text;
      if (!expected.ok()) continue;
      EXPECT_EQ(*found, *expected) << text << special;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Files, GoldenDescription,
                         testing::Values("tok_digits", "tok_llama_legacy", "tok_pattern"),
                         [](const auto& of) { return std::string(of.param); });

// The message that whet writes against the file that SentencePiece wrote.
TEST(DescribeSentencePiece, ReadBackGivesTheSameIds) {
  for (const bool strict : {false, true}) {
    const LoadedModel model =
        model_with_tokenizer(strict ? "tok_sentencepiece_strict" : "tok_sentencepiece");
    const Tokenizer& original = *model.tokenizer;
    const auto copy_with = [&](const SentencePieceRules& rules) {
      ModelFile copy{};
      copy.container = ModelFile::Container::kSafeTensors;
      copy.side_files["tokenizer.model"] = describe_sentencepiece(original, rules).value();
      return make_tokenizer(copy).value();
    };
    const auto copy = copy_with({.adds_space_prefix = true, .removes_extra_spaces = strict});
    ASSERT_EQ(copy->vocab_size(), original.vocab_size());
    for (TokenId id = 0; id < original.vocab_size(); ++id) {
      ASSERT_EQ(copy->piece(id), original.piece(id));
      ASSERT_EQ(copy->type(id), original.type(id));
      ASSERT_EQ(copy->score(id), original.score(id));
    }
    EXPECT_EQ(copy->bos(), original.bos());
    EXPECT_EQ(copy->eos(), original.eos());
    EXPECT_TRUE(gives_same_ids(original, *copy));
    const auto other = copy_with({.adds_space_prefix = true, .removes_extra_spaces = !strict});
    EXPECT_FALSE(gives_same_ids(original, *other));
    const auto bare = copy_with({.adds_space_prefix = false, .removes_extra_spaces = strict});
    EXPECT_FALSE(gives_same_ids(original, *bare));
  }
}

TEST(DescribeTokenizer, KeepsABosThatOnlyThePostProcessorNames) {
  const auto patch = nlohmann::json::parse(R"({"post_processor": {"type": "TemplateProcessing",
      "single": [{"SpecialToken": {"id": "begin"}}, {"Sequence": {"id": "A"}}],
      "special_tokens": {"begin": {"ids": [7]}}}})");
  const LoadedModel model = model_with_tokenizer("tok_digits", patch);
  ASSERT_FALSE(model.tokenizer->bos());
  ModelFile copy{};
  copy.container = ModelFile::Container::kGguf;
  const Status described = describe_tokenizer(model, copy.metadata);
  ASSERT_TRUE(described.ok()) << described.error().message();
  EXPECT_EQ(make_gguf_tokenizer(copy).value()->bos(), 7);
}

ModelFile described(const LoadedModel& model) {
  ModelFile copy{};
  copy.container = ModelFile::Container::kGguf;
  const Status status = describe_tokenizer(model, copy.metadata);
  EXPECT_TRUE(status.ok()) << (status.ok() ? "" : status.error().message());
  return copy;
}

TEST(DescribeTokenizer, KeepsTheNormalizer) {
  for (const char* type : {"NFC", "NFKC", "NFD", "Lowercase"}) {
    const LoadedModel model =
        model_with_tokenizer("tok_digits", {{"normalizer", {{"type", type}}}});
    const auto copy = make_gguf_tokenizer(described(model)).value();
    for (const char* text : {"cafe\u0301", "caf\u00e9", "\ufb01ne", "ABC"}) {
      EXPECT_EQ(copy->encode(text, {}).value(), model.tokenizer->encode(text, {}).value())
          << type << " " << text;
    }
  }
  EXPECT_FALSE(described(model_with_tokenizer("tok_digits")).has(kNormalizerKey));
}

TEST(DescribeTokenizer, KeepsWhereAddedTokensMatch) {
  const auto plain =
      nlohmann::json::parse(model_with_tokenizer("tok_digits").file.side_files["tokenizer.json"]);
  nlohmann::json tokens = plain.value("added_tokens", nlohmann::json::array());
  const int id = model_with_tokenizer("tok_digits").tokenizer->vocab_size();
  tokens.push_back({{"id", id},
                    {"content", "<wide>"},
                    {"special", true},
                    {"lstrip", true},
                    {"rstrip", true},
                    {"single_word", false},
                    {"normalized", false}});
  tokens.push_back({{"id", id + 1},
                    {"content", "word"},
                    {"special", false},
                    {"lstrip", false},
                    {"rstrip", false},
                    {"single_word", true},
                    {"normalized", false}});
  const LoadedModel model = model_with_tokenizer("tok_digits", {{"added_tokens", tokens}});
  const auto copy = make_gguf_tokenizer(described(model)).value();
  for (const char* text : {"a <wide> b", "a<wide>b", "a word b", "swords"}) {
    EXPECT_EQ(copy->encode(text, {}).value(), model.tokenizer->encode(text, {}).value()) << text;
  }
  EXPECT_EQ(copy->encode("a <wide> b", {.add_special = false})->size(), 3u);
}

TEST(DescribeTokenizer, KeepsEveryEndOfAGeneration) {
  LoadedModel model = model_with_tokenizer("tok_digits");
  for (const auto& ends : std::vector<std::vector<int>>{{5}, {5, 6}, {5, 6, 7}, {5, 6, 7, 8, 9}}) {
    model.file.side_files["generation_config.json"] = nlohmann::json{{"eos_token_id", ends}}.dump();
    model.tokenizer = make_tokenizer(model.file).value();
    const auto copy = make_gguf_tokenizer(described(model)).value();
    EXPECT_EQ(copy->end_of_generation(), model.tokenizer->end_of_generation()) << ends.size();
    EXPECT_GE(copy->end_of_generation().size(), ends.size());
  }
}

// A space prefix only where the text has none, user-defined pieces between which no prefix is
// added again, and a pattern that no name stands for: GGUF can say none of these.
TEST(DescribeTokenizer, RefusesWhatGgufHasNoWordFor) {
  const auto pattern = nlohmann::json::parse(R"({"pre_tokenizer": {"type": "Sequence",
      "pretokenizers": [{"type": "Split", "pattern": {"Regex": "[aeiou]|[^aeiou]+"},
                         "behavior": "Isolated", "invert": false},
                        {"type": "ByteLevel", "add_prefix_space": false, "use_regex": false}]}})");
  for (const LoadedModel& model :
       {model_with_tokenizer("tok_llama"), model_with_tokenizer("tok_sentencepiece"),
        model_with_tokenizer("tok_digits", pattern)}) {
    Metadata metadata;
    const Status described = describe_tokenizer(model, metadata);
    ASSERT_FALSE(described.ok()) << model.tokenizer->description();
    EXPECT_EQ(described.error().code(), ErrorCode::kInvalidModel);
    EXPECT_NE(described.error().message().find("same ids"), std::string::npos);
  }
}

}  // namespace
}  // namespace whet
