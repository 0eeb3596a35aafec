#include "token/detokenizer.h"

#include <gtest/gtest.h>

#include "token/byte_alphabet.h"
#include "token/describe_token.h"
#include "token/pipeline_tokenizer.h"

namespace whet {
namespace {

// Token b is byte b; 256 is " the" as a user-defined token; 257 is a control token.
std::shared_ptr<const Tokenizer> byte_tokenizer(bool hides_leading_space = false) {
  VocabularyParts parts;
  for (unsigned byte = 0; byte < 256; ++byte) {
    parts.pieces.emplace_back(byte_to_letter(static_cast<uint8_t>(byte)));
    parts.types.push_back(TokenType::kNormal);
  }
  parts.pieces.insert(parts.pieces.end(), {" the", "<|im_end|>"});
  parts.types.insert(parts.types.end(), {TokenType::kUserDefined, TokenType::kControl});
  auto vocabulary = Vocabulary::create(std::move(parts));
  EXPECT_TRUE(vocabulary.ok());
  auto tokenizer = make_pipeline_tokenizer({.vocabulary = std::move(*vocabulary),
                                            .merges = {},
                                            .options = {},
                                            .normalizer = {},
                                            .pre_tokenizer = {},
                                            .added_tokens = {},
                                            .ends = {},
                                            .hides_leading_space = hides_leading_space,
                                            .description = "bytes"});
  EXPECT_TRUE(tokenizer.ok());
  return *tokenizer;
}

std::vector<std::string> stream(const Tokenizer& tokenizer, std::string_view bytes) {
  Detokenizer detokenizer(tokenizer);
  std::vector<std::string> pushes;
  for (char byte : bytes) pushes.push_back(detokenizer.push(static_cast<uint8_t>(byte)));
  pushes.push_back(detokenizer.flush());
  return pushes;
}

TEST(Detokenizer, HoldsBackAnIncompleteCodePoint) {
  const auto tokenizer = byte_tokenizer();
  EXPECT_EQ(stream(*tokenizer, "a\xF0\x9F\x99\x82z"),
            (std::vector<std::string>{"a", "", "", "", "\xF0\x9F\x99\x82", "z", ""}));
}

TEST(Detokenizer, ReplacesBytesAsSoonAsTheyCannotBecomeValid) {
  const auto tokenizer = byte_tokenizer();
  const std::string bad = "\xEF\xBF\xBD";
  EXPECT_EQ(stream(*tokenizer, "\x80"), (std::vector<std::string>{bad, ""}));
  EXPECT_EQ(stream(*tokenizer, "\xFF"), (std::vector<std::string>{bad, ""}));
  // A truncated sequence is one replacement, known when the next byte does not continue it.
  EXPECT_EQ(stream(*tokenizer, "\xE2\x82z"), (std::vector<std::string>{"", "", bad + "z", ""}));
  // A surrogate is invalid from its second byte, an overlong form too.
  EXPECT_EQ(stream(*tokenizer, "\xED\xA0"), (std::vector<std::string>{"", bad + bad, ""}));
  EXPECT_EQ(stream(*tokenizer, "\xE0\x80"), (std::vector<std::string>{"", bad + bad, ""}));
}

TEST(Detokenizer, ReplacesAnIncompleteEndOnFlush) {
  const auto tokenizer = byte_tokenizer();
  EXPECT_EQ(stream(*tokenizer, "\xF0\x9F\x99"),
            (std::vector<std::string>{"", "", "", "\xEF\xBF\xBD"}));
}

TEST(Detokenizer, ShowsControlTokensOnlyOnRequest) {
  const auto tokenizer = byte_tokenizer();
  EXPECT_EQ(Detokenizer(*tokenizer).push(257), "");
  EXPECT_EQ(Detokenizer(*tokenizer, {.render_special = true}).push(257), "<|im_end|>");
}

TEST(Detokenizer, DropsTheVocabularysLeadingSpaceOnlyAtTheStart) {
  const auto tokenizer = byte_tokenizer(/*hides_leading_space=*/true);
  Detokenizer at_start(*tokenizer, {.at_start = true});
  EXPECT_EQ(at_start.push(257), "");  // shows nothing, so the text has not begun
  EXPECT_EQ(at_start.push(256), "the");
  EXPECT_EQ(at_start.push(256), " the");
  EXPECT_EQ(at_start.flush(), "");
  EXPECT_EQ(at_start.push(256), "the");  // a new text

  Detokenizer lone_space(*tokenizer, {.at_start = true});
  EXPECT_EQ(lone_space.push(' '), "");
  EXPECT_EQ(lone_space.push(' '), " ");

  EXPECT_EQ(Detokenizer(*tokenizer).push(256), " the");
}

TEST(DescribeToken, ShowsIdAndText) {
  const auto tokenizer = byte_tokenizer();
  EXPECT_EQ(describe_token(*tokenizer, 256), "   256 -> ' the'");
  EXPECT_EQ(describe_token(*tokenizer, 257), "   257 -> '<|im_end|>'");
  EXPECT_EQ(describe_token(*tokenizer, '\n'), "    10 -> '\\n'");
  EXPECT_EQ(describe_token(*tokenizer, 0x1B), "    27 -> '\\x1b'");
  EXPECT_EQ(describe_token(*tokenizer, 0xE2), "   226 -> '\\xe2'");
}

}  // namespace
}  // namespace whet
