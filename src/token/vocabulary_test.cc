#include "token/vocabulary.h"

#include <gtest/gtest.h>

#include <cmath>

#include "token/tokenizer_factory.h"

namespace whet {
namespace {

VocabularyParts parts_of(std::vector<std::string> pieces) {
  VocabularyParts parts;
  parts.types.assign(pieces.size(), TokenType::kNormal);
  parts.pieces = std::move(pieces);
  return parts;
}

std::string error_of(VocabularyParts parts) {
  auto vocabulary = Vocabulary::create(std::move(parts));
  return vocabulary.ok() ? "" : vocabulary.error().message();
}

TEST(Vocabulary, RefusesWhatDoesNotFitTogether) {
  EXPECT_EQ(error_of(parts_of({"a", "b"})), "");
  EXPECT_NE(error_of(parts_of({})), "");
  EXPECT_NE(error_of(parts_of({"a", "a"})), "");

  VocabularyParts parts = parts_of({"a", "b"});
  parts.types.pop_back();
  EXPECT_NE(error_of(parts), "");

  parts = parts_of({"a", "b"});
  parts.scores = {1};
  EXPECT_NE(error_of(parts), "");
  parts.scores = {1, NAN};
  EXPECT_NE(error_of(parts), "");

  parts = parts_of({"a", "b"});
  parts.bos = 2;
  EXPECT_EQ(error_of(parts), "BOS token id 2 is outside the vocabulary of 2");
  parts.bos = std::nullopt;
  parts.more_ends = {-1};
  EXPECT_NE(error_of(parts), "");
}

TEST(Vocabulary, ReadsByteTokensStrictly) {
  for (const char* piece : {"<0x-1>", "<0xG0>", "<0x1>", "<0x001>", "0x41", "<0x41"}) {
    VocabularyParts parts = parts_of({piece});
    parts.types[0] = TokenType::kByte;
    EXPECT_NE(error_of(parts), "") << piece;
  }
  auto vocabulary = Vocabulary::create(parts_of({"x", "<0x4A>", "<0x4a>"}));
  ASSERT_TRUE(vocabulary.ok());
  EXPECT_EQ(vocabulary->byte_token(0x4A), 1);
  EXPECT_EQ(vocabulary->byte_token(0x4B), std::nullopt);
}

TEST(Vocabulary, NamesHoles) {
  auto vocabulary = Vocabulary::create(parts_of({"a", "", "b"}));
  ASSERT_TRUE(vocabulary.ok());
  EXPECT_EQ(vocabulary->piece(1), "[EMPTY_1]");
  EXPECT_EQ(vocabulary->type(1), TokenType::kUnused);
}

TEST(Vocabulary, CollectsTheTokensThatEndATurn) {
  VocabularyParts parts = parts_of({"<|im_end|>", "a", "<|endoftext|>", "<|im_start|>", "</s>"});
  parts.eos = 1;
  parts.types[0] = TokenType::kControl;
  auto declared = Vocabulary::create(parts);
  ASSERT_TRUE(declared.ok());
  // Ordinary pieces do not end a turn by their text alone ...
  EXPECT_EQ(declared->ends(), (std::vector<TokenId>{0, 1}));
  // ... except in GGUF files, where they are control tokens that lost their type.
  parts.types_from_text = true;
  auto by_text = Vocabulary::create(parts);
  ASSERT_TRUE(by_text.ok());
  EXPECT_EQ(by_text->ends(), (std::vector<TokenId>{0, 1, 2, 4}));
  EXPECT_EQ(by_text->type(2), TokenType::kControl);
  EXPECT_EQ(by_text->type(3), TokenType::kNormal);
}

TEST(Vocabulary, KnowsWhoseEndIsNoEnd) {
  VocabularyParts parts = parts_of({"<|end|>", "<|return|>", "<|call|>", "<|message|>"});
  parts.types_from_text = true;
  auto gpt_oss = Vocabulary::create(parts);
  ASSERT_TRUE(gpt_oss.ok());
  EXPECT_EQ(gpt_oss->ends(), (std::vector<TokenId>{1, 2}));
  EXPECT_EQ(gpt_oss->type(3), TokenType::kUserDefined);
}

// GGUF metadata as a file would have it.
class GgufMetadata : public testing::Test {
 protected:
  GgufMetadata() {
    file_.container = ModelFile::Container::kGguf;
    set("model", std::string("gpt2"));
    set("pre", std::string("gpt-2"));
    set_array("tokens", std::vector<std::string>{"a", "b", "ab", "<s>", "</s>"});
    set_array("token_type", std::vector<int64_t>{1, 1, 1, 3, 3});
    set_array("merges", std::vector<std::string>{"a b"});
  }

  template <typename T>
  void set(const std::string& name, T value) {
    file_.metadata["tokenizer.ggml." + name] = MetaValue{.value = std::move(value)};
  }
  template <typename T>
  void set_array(const std::string& name, T value) {
    file_.metadata["tokenizer.ggml." + name] = MetaValue{.value = MetaArray(std::move(value))};
  }
  std::string error() {
    auto tokenizer = make_tokenizer(file_);
    return tokenizer.ok() ? "" : tokenizer.error().message();
  }
  std::vector<TokenId> encode(std::string_view text, const EncodeOptions& options) {
    auto tokenizer = make_tokenizer(file_);
    EXPECT_TRUE(tokenizer.ok()) << tokenizer.error().message();
    auto ids = (*tokenizer)->encode(text, options);
    EXPECT_TRUE(ids.ok()) << ids.error().message();
    return *ids;
  }

  ModelFile file_;
};

TEST_F(GgufMetadata, MakesATokenizer) {
  set("bos_token_id", uint64_t{3});
  EXPECT_EQ(encode("abba", {}), (std::vector<TokenId>{2, 1, 0}));
  set("add_bos_token", true);
  EXPECT_EQ(encode("ab<s>", {}), (std::vector<TokenId>{3, 2, 3}));
  EXPECT_EQ(encode("ab", {.add_special = false}), (std::vector<TokenId>{2}));
}

TEST_F(GgufMetadata, SaysWhatATextNeedsAndTheVocabularyLacks) {
  auto tokenizer = make_tokenizer(file_);
  ASSERT_TRUE(tokenizer.ok());
  auto ids = (*tokenizer)->encode("<s>", {.parse_special = false});
  ASSERT_FALSE(ids.ok());
  EXPECT_EQ(ids.error().code(), ErrorCode::kInvalidArgument);
}

TEST_F(GgufMetadata, AddsBosAsThePreTokenizersModelsDo) {
  set("bos_token_id", uint64_t{3});
  EXPECT_FALSE((*make_tokenizer(file_))->adds_bos());
  set("pre", std::string("llama-bpe"));
  EXPECT_TRUE((*make_tokenizer(file_))->adds_bos());
  set("add_bos_token", false);
  EXPECT_FALSE((*make_tokenizer(file_))->adds_bos());
  set("model", std::string("llama"));
  set_array("scores", std::vector<double>{-1, -2, -3, 0, 0});
  file_.metadata.erase("tokenizer.ggml.add_bos_token");
  EXPECT_TRUE((*make_tokenizer(file_))->adds_bos());
}

TEST_F(GgufMetadata, KeepsMergesWhosePiecesAreNoTokens) {
  // "abb" is no token; on the way to "abba" the merge is needed, left over it falls apart.
  set_array("tokens", std::vector<std::string>{"a", "b", "ab", "abba"});
  set_array("token_type", std::vector<int64_t>{1, 1, 1, 1});
  set_array("merges", std::vector<std::string>{"a b", "ab b", "abb a"});
  EXPECT_EQ(encode("abba", {}), (std::vector<TokenId>{3}));
  EXPECT_EQ(encode("abb", {}), (std::vector<TokenId>{0, 1, 1}));
}

TEST_F(GgufMetadata, OfEqualTokensTheLastIsWhatTextBecomes) {
  set_array("tokens", std::vector<std::string>{"a", "b", "ab", "a", "ab"});
  set_array("token_type", std::vector<int64_t>{1, 1, 1, 1, 1});
  EXPECT_EQ(encode("a", {}), (std::vector<TokenId>{3}));
  EXPECT_EQ(encode("ab", {}), (std::vector<TokenId>{4}));
  const auto notes = (*make_tokenizer(file_))->notes();
  ASSERT_EQ(notes.size(), 1u);
  EXPECT_NE(notes[0].find("tokens 0 and 3 are both \"a\""), std::string::npos);
  EXPECT_NE(notes[0].find("2 such pairs"), std::string::npos);
  EXPECT_EQ((*make_tokenizer(file_))->piece(0), "a");
}

// The rank decides between neighbours in the list, and not the place in the text.
TEST_F(GgufMetadata, MergesOfAdjacentRanksGoInTheirOrder) {
  set_array("tokens", std::vector<std::string>{"a", "b", "c", "d", "ab", "bc", "cd"});
  set_array("token_type", std::vector<int64_t>(7, 1));
  const std::vector<std::pair<std::vector<std::string>, std::vector<TokenId>>> cases{
      {{"b c", "a b"}, {0, 5}}, {{"a b", "b c"}, {4, 2}}};
  for (const auto& [merges, expected] : cases) {
    set_array("merges", merges);
    EXPECT_EQ(encode("abc", {}), expected);
    std::vector<std::string> later{"c d"};  // the same two at ranks 1 and 2
    later.insert(later.end(), merges.begin(), merges.end());
    set_array("merges", later);
    EXPECT_EQ(encode("abc", {}), expected);
  }
}

TEST_F(GgufMetadata, StripsAfterControlTokensOfPhi3) {
  set("model", std::string("llama"));
  set_array("scores", std::vector<double>{-1, -2, -3, 0, 0});
  set("add_space_prefix", false);
  set("add_bos_token", false);
  set("unknown_token_id", uint64_t{1});
  EXPECT_EQ(encode("</s> a", {}).size(), 3u);
  file_.metadata["general.name"] = MetaValue{.value = std::string("Phi-3 mini")};
  EXPECT_EQ(encode("</s> a", {}), (std::vector<TokenId>{4, 0}));
}

TEST_F(GgufMetadata, RefusesWhatIsWrong) {
  ASSERT_EQ(error(), "");
  set_array("token_type", std::vector<int64_t>{1, 1, 1, 3});
  EXPECT_EQ(error(), "5 tokens but 4 token types");
  set_array("token_type", std::vector<int64_t>{1, 1, 1, 3, 9});
  EXPECT_NE(error(), "");
  set_array("token_type", std::vector<int64_t>{1, 1, 1, 3, 6});
  EXPECT_NE(error(), "");  // "</s>" is no byte token
  set_array("token_type", std::vector<int64_t>{1, 1, 1, 3, 3});
  set("eos_token_id", uint64_t{5});
  EXPECT_EQ(error(), "EOS token id 5 is outside the vocabulary of 5");
  set("eos_token_id", uint64_t{1} << 40);
  EXPECT_NE(error(), "");
  set("eos_token_id", uint64_t{4});
  EXPECT_EQ(error(), "");
  set("add_bos_token", true);
  EXPECT_NE(error(), "");  // there is no BOS
  set("add_bos_token", false);
  for (const char* merge : {"ab", "a ", "", " "}) {
    set_array("merges", std::vector<std::string>{merge});
    EXPECT_NE(error(), "") << merge;
  }
  set_array("merges", std::vector<std::string>{"a b"});
  set("pre", std::string("mystery"));
  EXPECT_NE(error().find("\"mystery\""), std::string::npos);
  set("model", std::string("bert"));
  EXPECT_NE(error().find("\"bert\""), std::string::npos);
  file_.metadata.erase("tokenizer.ggml.model");
  EXPECT_NE(error(), "");
}

}  // namespace
}  // namespace whet
