// The model that comes with the program: its GGUF file and its tokenizer.json must agree.
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "token/random_text_for_test.h"
#include "token/tokenizers_for_test.h"

namespace whet {
namespace {

using token_test::RandomText;

class ShippedModel : public testing::Test {
 protected:
  void SetUp() override {
    const std::string models = WHET_SOURCE_DIR "/models/";
    const std::string gguf = models + "whetstone-draft-q8_0.gguf";
    const std::string directory = models + "whetstone-draft";
    if (!std::filesystem::exists(gguf) || !std::filesystem::exists(directory + "/tokenizer.json")) {
      GTEST_SKIP() << "the shipped model is not there: " << gguf;
    }
    auto file = open_model_file(gguf);
    ASSERT_TRUE(file.ok()) << file.error().message();
    auto from_gguf = make_tokenizer(*file);
    ASSERT_TRUE(from_gguf.ok()) << from_gguf.error().message();
    gguf_ = *from_gguf;
    auto from_json = make_tokenizer(token_test::side_files_of(directory));
    ASSERT_TRUE(from_json.ok()) << from_json.error().message();
    json_ = *from_json;
  }

  void expect_same(const std::string& text) {
    for (const bool parse_special : {true, false}) {
      auto ids = gguf_->encode(text, {.parse_special = parse_special});
      auto other = json_->encode(text, {.parse_special = parse_special});
      ASSERT_TRUE(ids.ok()) << ids.error().message();
      ASSERT_TRUE(other.ok()) << other.error().message();
      EXPECT_EQ(*ids, *other) << text;
      EXPECT_EQ(gguf_->decode(*ids, true, true), text);
    }
  }

  std::shared_ptr<const Tokenizer> gguf_;
  std::shared_ptr<const Tokenizer> json_;
};

TEST_F(ShippedModel, HasTheSameIdsInBothForms) {
  const auto texts =
      nlohmann::json::parse(token_test::read_file(token_test::golden_directory("tok_texts.json")));
  for (const auto& text : texts) expect_same(text.get<std::string>());
  RandomText random(31);
  for (int i = 0; i < 2000; ++i) expect_same(random.utf8(40));
  for (int i = 0; i < 500; ++i) expect_same(random.bytes(40));
}

TEST_F(ShippedModel, HasTheSameVocabularyInBothForms) {
  ASSERT_EQ(gguf_->vocab_size(), json_->vocab_size());
  for (TokenId id = 0; id < gguf_->vocab_size(); ++id) {
    EXPECT_EQ(gguf_->piece(id), json_->piece(id));
    EXPECT_EQ(gguf_->type(id), json_->type(id)) << gguf_->piece(id);
    EXPECT_EQ(gguf_->token_bytes(id, true), json_->token_bytes(id, true));
  }
  EXPECT_EQ(gguf_->eos(), json_->eos());
  EXPECT_EQ(gguf_->end_of_generation(), json_->end_of_generation());
  EXPECT_EQ(gguf_->adds_bos(), json_->adds_bos());
}

TEST_F(ShippedModel, TurnsChatMarkupIntoControlTokensOnlyOnRequest) {
  auto ids = gguf_->encode("<|im_start|>user\nHi<|im_end|>\n", {});
  ASSERT_TRUE(ids.ok());
  EXPECT_EQ(gguf_->piece(ids->front()), "<|im_start|>");
  EXPECT_EQ(gguf_->type(ids->front()), TokenType::kControl);
  auto plain = gguf_->encode("<|im_end|>", {.parse_special = false});
  ASSERT_TRUE(plain.ok());
  EXPECT_GT(plain->size(), 1u);
}

}  // namespace
}  // namespace whet
