// What BERT's normalizer and pre-tokenizer of Hugging Face's tokenizers make of characters on which
// Unicode's tables and theirs differ; ids were seen with tools/fuzz_tokenizers.py.
#include <gtest/gtest.h>

#include "token/tokenizers_for_test.h"

namespace whet {
namespace {

class WordPieceText : public testing::Test {
 protected:
  void SetUp() override {
    auto tokenizer =
        make_tokenizer(token_test::side_files_of(token_test::golden_directory("tok_word_piece")));
    ASSERT_TRUE(tokenizer.ok()) << tokenizer.error().message();
    tokenizer_ = *tokenizer;
  }
  std::vector<TokenId> ids(const std::string& text) const {
    return tokenizer_->encode(text, {.add_special = false, .parse_special = true}).value();
  }
  std::shared_ptr<const Tokenizer> tokenizer_;
};

TEST_F(WordPieceText, ControlsAreNoSpaces) {
  for (const char* control : {"\u0085", "\u000B", "\u000C", "\u001F", "\u00AD"}) {
    EXPECT_EQ(ids(std::string("wi") + control + "th"), ids("with")) << control;
  }
  for (const char* space : {"\t", "\n", "\r", "\u00A0", "\u2028"}) {
    EXPECT_EQ(ids(std::string("with") + space + "the"), ids("with the")) << space;
  }
}

TEST_F(WordPieceText, LaterMarksAndFormatsStay) {
  EXPECT_EQ(ids("with\u0301the"), ids("withthe"));
  EXPECT_EQ(ids("with\u1734the"), ids("withthe"));
  for (const char* later : {"\u08E2", "\u1DFB", "\U00011A07", "\U0001E4EC", "\U00013433"}) {
    EXPECT_NE(ids(std::string("with") + later + "the"), ids("withthe")) << later;
  }
}

TEST_F(WordPieceText, PunctuationIsThatOfUnicode8) {
  EXPECT_EQ(ids("with\u2E42the").size(), 3u);
  for (const char* later : {"\u09FD", "\u2E43", "\u1B4E", "\U00011F43"}) {
    EXPECT_EQ(ids(std::string("with") + later + "the").size(), 1u) << later;
  }
}

}  // namespace
}  // namespace whet
