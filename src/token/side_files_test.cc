// Tokens and roles that only the files beside a tokenizer name, with transformers' ids (5.24) for
// the same directories.
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "token/tokenizer_config.h"
#include "token/tokenizers_for_test.h"

namespace whet {
namespace {

using nlohmann::json;
using Ids = std::vector<TokenId>;

json added(const char* content, bool special = true) {
  return {{"content", content}, {"lstrip", false},      {"normalized", false},
          {"rstrip", false},    {"single_word", false}, {"special", special}};
}

// A byte-level vocabulary of the letters and " the" (with G-dot for its space).
class SideFiles : public testing::Test {
 protected:
  SideFiles() {
    file_.container = ModelFile::Container::kSafeTensors;
    json vocabulary;
    for (char c = 'a'; c <= 'z'; ++c) vocabulary[std::string(1, c)] = c - 'a';
    const char* more[] = {"\u0120", "<", ">", "|", "th", "the"};
    for (int i = 0; i < 6; ++i) vocabulary[more[i]] = 26 + i;
    set("tokenizer.json",
        {{"pre_tokenizer", {{"type", "ByteLevel"}, {"add_prefix_space", false}}},
         {"added_tokens", json::array()},
         {"model", {{"type", "BPE"}, {"vocab", vocabulary}, {"merges", {"t h", "th e"}}}}});
  }

  void set(const char* name, const json& content) { file_.side_files[name] = content.dump(); }
  std::string error() {
    auto tokenizer = make_tokenizer(file_);
    return tokenizer.ok() ? "" : tokenizer.error().message();
  }
  std::shared_ptr<const Tokenizer> tokenizer() { return make_tokenizer(file_).value(); }
  Ids encode(std::string_view text) {
    return tokenizer()->encode(text, {.add_special = false}).value();
  }

  ModelFile file_;
};

TEST_F(SideFiles, AddedTokensDecoderAddsWhatTheTokenizerLacks) {
  EXPECT_EQ(encode("<x>a").size(), 4u);
  set("tokenizer_config.json",
      {{"added_tokens_decoder", {{"32", added("<x>")}, {"33", added("<y>", false)}}}});
  EXPECT_EQ(encode("<x>a<y>"), (Ids{32, 0, 33}));
  EXPECT_EQ(tokenizer()->type(32), TokenType::kControl);
  EXPECT_EQ(tokenizer()->type(33), TokenType::kUserDefined);
  // A special token is no token in what a user wrote, another one is.
  const auto plain = tokenizer()->encode("<x><y>", {.add_special = false, .parse_special = false});
  EXPECT_EQ(*plain, (Ids{27, 23, 28, 33}));
}

TEST_F(SideFiles, AddedTokensDecoderSaysWhereAKnownTokenMatches) {
  auto tokenizer = json::parse(file_.side_files["tokenizer.json"]);
  json known = added("<x>");
  known["id"] = 32;
  tokenizer["added_tokens"] = {known};
  set("tokenizer.json", tokenizer);
  EXPECT_EQ(encode("a <x> a"), (Ids{0, 26, 32, 26, 0}));
  json wider = added("<x>");
  wider["rstrip"] = true;
  set("tokenizer_config.json", {{"added_tokens_decoder", {{"32", wider}}}});
  EXPECT_EQ(encode("a <x> a"), (Ids{0, 26, 32, 0}));
}

TEST_F(SideFiles, AddedTokensJsonCountsWhereTheConfigListsNone) {
  set("added_tokens.json", {{"<x>", 32}, {"<y>", 33}});
  set("special_tokens_map.json", {{"additional_special_tokens", {"<x>"}}});
  EXPECT_EQ(encode("<x>a<y>"), (Ids{32, 0, 33}));
  EXPECT_EQ(tokenizer()->type(32), TokenType::kControl);
  EXPECT_EQ(tokenizer()->type(33), TokenType::kUserDefined);
  set("tokenizer_config.json", {{"added_tokens_decoder", {{"32", added("<y>")}}}});
  EXPECT_EQ(encode("<y>"), (Ids{32}));
}

TEST_F(SideFiles, ATokenWithARoleIsATokenOfItsOwn) {
  set("tokenizer_config.json", {{"pad_token", "the"}, {"mask_token", "<mask>"}});
  EXPECT_EQ(encode("athea"), (Ids{0, 31, 0}));
  EXPECT_EQ(tokenizer()->type(31), TokenType::kControl);
  EXPECT_EQ(encode("<mask>").size(), 6u);  // no id: no model could read it
}

TEST_F(SideFiles, TokensBeyondTheEmbeddingStayText) {
  set("tokenizer_config.json", {{"added_tokens_decoder", {{"32", added("<x>")}}}});
  set("config.json", {{"vocab_size", 32}});
  EXPECT_EQ(encode("<x>").size(), 3u);
  ASSERT_EQ(tokenizer()->notes().size(), 1u);
  EXPECT_NE(tokenizer()->notes()[0].find("\"<x>\""), std::string::npos);
  set("config.json", {{"text_config", {{"vocab_size", 33}}}});
  EXPECT_EQ(encode("<x>"), (Ids{32}));
}

// Every home of a value, alone and beside another that lacks it.
TEST_F(SideFiles, EachHomeOfEosAndBosCounts) {
  const Ids none;
  EXPECT_EQ(tokenizer()->end_of_generation(), none);
  set("config.json", {{"vocab_size", 40}, {"eos_token_id", 3}});
  EXPECT_EQ(tokenizer()->end_of_generation(), (Ids{3}));
  set("generation_config.json", {{"eos_token_id", nullptr}});
  EXPECT_EQ(tokenizer()->end_of_generation(), (Ids{3}));
  set("generation_config.json", {{"eos_token_id", {4, 5}}});
  EXPECT_EQ(tokenizer()->end_of_generation(), (Ids{3, 4, 5}));
  set("config.json", {{"vocab_size", 40}, {"eos_token_id", -1}});
  EXPECT_EQ(tokenizer()->end_of_generation(), (Ids{4, 5}));
  set("tokenizer_config.json", {{"eos_token", nullptr}, {"bos_token", added("b")}});
  set("special_tokens_map.json", {{"eos_token", added("z")}, {"bos_token", "a"}});
  EXPECT_EQ(tokenizer()->end_of_generation(), (Ids{4, 5, 25}));
  EXPECT_EQ(tokenizer()->eos(), 25);
  EXPECT_EQ(tokenizer()->bos(), 1);
  set("special_tokens_map.json", {{"add_bos_token", true}});
  EXPECT_EQ(tokenizer()->encode("a", {}).value(), (Ids{1, 0}));
  set("tokenizer_config.json", {{"bos_token", "b"}, {"add_bos_token", false}});
  EXPECT_EQ(tokenizer()->encode("a", {}).value(), (Ids{0}));
}

TEST_F(SideFiles, WrongTypesAreRefusedByName) {
  const auto refused = [&](const char* file, const json& content, const char* name) {
    set(file, content);
    const std::string message = error();
    EXPECT_NE(message.find(file), std::string::npos) << message;
    EXPECT_NE(message.find(name), std::string::npos) << message;
    file_.side_files.erase(file);
  };
  refused("config.json", {{"vocab_size", 40}, {"bos_token_id", 99999}}, "bos_token_id");
  refused("config.json", {{"bos_token_id", "a"}}, "bos_token_id");
  refused("config.json", {{"eos_token_id", "a"}}, "eos_token_id");
  refused("generation_config.json", {{"eos_token_id", {1, 2.5}}}, "eos_token_id");
  refused("tokenizer_config.json", {{"bos_token", 5}}, "bos_token");
  refused("tokenizer_config.json", {{"add_bos_token", "yes"}}, "add_bos_token");
  refused("tokenizer_config.json", {{"added_tokens_decoder", {1, 2}}}, "added_tokens_decoder");
  refused("tokenizer_config.json", {{"added_tokens_decoder", {{"x", added("<x>")}}}}, "<x>");
  refused("tokenizer_config.json", {{"added_tokens_decoder", {{"1", 5}}}}, "content");
  refused("tokenizer_config.json", {{"additional_special_tokens", "<x>"}},
          "additional_special_tokens");
  refused("special_tokens_map.json", {{"eos_token", true}}, "eos_token");
  refused("added_tokens.json", {{"<x>", "32"}}, "<x>");
  EXPECT_EQ(error(), "");
  // An id that already is another piece.
  set("tokenizer_config.json", {{"added_tokens_decoder", {{"7", added("<x>")}}}});
  EXPECT_NE(error().find("id 7 is both"), std::string::npos);
}

// A prompt ends where the answer begins: EOS around a document is no part of it.
TEST_F(SideFiles, EosEndsADocumentAndNoPrompt) {
  set("tokenizer_config.json",
      {{"bos_token", "b"}, {"eos_token", "z"}, {"add_bos_token", true}, {"add_eos_token", true}});
  EXPECT_EQ(tokenizer()->encode("a", {}).value(), (Ids{1, 0, 25}));
  const std::vector<PromptPart> plain{{"a"}}, with_bos{{"ba"}};
  EXPECT_EQ(tokenizer()->encode(plain, true).value(), (Ids{1, 0}));
  EXPECT_EQ(tokenizer()->encode(with_bos, true).value(), (Ids{1, 0}));
}

class SentencePieceSideFiles : public testing::Test {
 protected:
  SentencePieceSideFiles() : file_(token_test::side_files_of(directory_)) {
    n_ = make_tokenizer(file_).value()->vocab_size();
  }
  void configure(json config) {
    config["added_tokens_decoder"] = {{std::to_string(n_), added("<|im_end|>")},
                                      {std::to_string(n_ + 1), added("<tool>", false)}};
    config["eos_token"] = "<|im_end|>";
    file_.side_files["tokenizer_config.json"] = config.dump();
    file_.side_files["config.json"] = json{{"eos_token_id", n_}, {"vocab_size", n_ + 8}}.dump();
  }
  std::vector<std::string> pieces(std::string_view text) {
    const auto tokenizer = make_tokenizer(file_).value();
    std::vector<std::string> pieces;
    const Ids ids = tokenizer->encode(text, {.add_special = false}).value();
    for (TokenId id : ids) pieces.emplace_back(tokenizer->piece(id));
    return pieces;
  }

  const std::string directory_ = token_test::golden_directory("tok_sentencepiece");
  ModelFile file_;
  int n_ = 0;
};

TEST_F(SentencePieceSideFiles, AddTokensAndTheEnd) {
  configure({{"tokenizer_class", "LlamaTokenizer"}});
  const auto tokenizer = make_tokenizer(file_);
  ASSERT_TRUE(tokenizer.ok()) << tokenizer.error().message();
  EXPECT_EQ((*tokenizer)->eos(), n_);
  const Ids& ends = (*tokenizer)->end_of_generation();
  EXPECT_NE(std::find(ends.begin(), ends.end(), n_), ends.end());
  EXPECT_EQ((*tokenizer)->type(n_), TokenType::kControl);
  EXPECT_EQ((*tokenizer)->type(n_ + 1), TokenType::kUserDefined);
}

// transformers gives the prefix at the start only, and with "legacy" behind every added token.
TEST_F(SentencePieceSideFiles, SpacesAroundAddedTokensAreTransformers) {
  const std::string mark = "\u2581";
  configure({{"tokenizer_class", "LlamaTokenizer"}});
  EXPECT_EQ(pieces("<|im_end|>a<tool>a"),
            (std::vector<std::string>{"<|im_end|>", "a", "<tool>", "a"}));
  EXPECT_EQ(pieces("<|im_end|> a"), (std::vector<std::string>{"<|im_end|>", mark + "a"}));
  configure({{"tokenizer_class", "LlamaTokenizer"}, {"legacy", true}});
  EXPECT_EQ(pieces("<|im_end|>a<tool>a"),
            (std::vector<std::string>{"<|im_end|>", mark + "a", "<tool>", mark + "a"}));
  EXPECT_EQ(pieces("<|im_end|> a"), (std::vector<std::string>{"<|im_end|>", mark + "a"}));
}

}  // namespace
}  // namespace whet
