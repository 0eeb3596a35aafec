// Small tokenizers trained by Hugging Face's tokenizers and by SentencePiece, with what those
// libraries make of some 400 texts: tests/golden/make_tokenizer_golden.py.
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <future>
#include <nlohmann/json.hpp>

#include "token/tokenizer_factory.h"
#include "token/utf8.h"

namespace whet {
namespace {

using nlohmann::json;

const std::string kGoldenDirectory = WHET_SOURCE_DIR "/tests/golden/";

std::string read_file(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return std::string(std::istreambuf_iterator<char>(file), {});
}

class GoldenTokenizer : public testing::TestWithParam<const char*> {
 protected:
  void SetUp() override {
    const std::string directory = kGoldenDirectory + GetParam();
    texts_ = json::parse(read_file(kGoldenDirectory + "tok_texts.json"));
    rows_ = json::parse(read_file(directory + "/ids.json"));
    ASSERT_EQ(texts_.size(), rows_.size());
    ModelFile file;
    file.container = ModelFile::Container::kSafeTensors;
    for (const char* name : {"tokenizer.json", "tokenizer.model"}) {
      const std::string path = directory + "/" + name;
      if (std::filesystem::exists(path)) file.side_files[name] = read_file(path);
    }
    const std::string gguf = directory + "/tokenizer.gguf";
    if (std::filesystem::exists(gguf)) file = open_model_file(gguf).value();
    auto tokenizer = make_tokenizer(file);
    ASSERT_TRUE(tokenizer.ok()) << tokenizer.error().message();
    tokenizer_ = *tokenizer;
  }

  /// The reference's unigram model takes text that spells a control, unknown or byte token for that
  /// token, which here no text of a user may do.
  bool is_forged(const std::string& text, bool parse_special) const {
    if (!std::string_view(GetParam()).starts_with("tok_unigram")) return false;
    if (text.find("<0x") != text.npos || text.find("<unk>") != text.npos) return true;
    return !parse_special && !tokenizer_->control_spellings(text).empty();
  }

  void expect_ids(size_t i, bool parse_special, const json& expected) {
    const auto text = texts_[i].get<std::string>();
    auto ids = tokenizer_->encode(text, {.add_special = false, .parse_special = parse_special});
    ASSERT_TRUE(ids.ok()) << ids.error().message();
    if (is_forged(text, parse_special)) {
      const auto is_control = [&](TokenId id) {
        return tokenizer_->type(id) == TokenType::kControl && tokenizer_->piece(id) != "<unk>";
      };
      EXPECT_TRUE(parse_special || std::ranges::none_of(*ids, is_control)) << texts_[i];
      return;
    }
    EXPECT_EQ(json(*ids), expected)
        << "text " << i << ": " << texts_[i] << (parse_special ? "" : ", special tokens as text");
  }

  json texts_;
  json rows_;
  std::shared_ptr<const Tokenizer> tokenizer_;
};

TEST_P(GoldenTokenizer, GivesTheIdsOfTheReference) {
  for (size_t i = 0; i < texts_.size(); ++i) {
    const json& row = rows_[i];
    if (row.contains("ids")) expect_ids(i, true, row["ids"]);
    expect_ids(i, false, row.contains("plain") ? row["plain"] : row["ids"]);
  }
}

TEST_P(GoldenTokenizer, DecodesAsTheReference) {
  for (size_t i = 0; i < texts_.size(); ++i) {
    const json& row = rows_[i];
    if (row.contains("decoded") && row["decoded"].is_null()) continue;  // see the script
    const auto ids = (row.contains("ids") ? row["ids"] : row["plain"]).get<std::vector<TokenId>>();
    auto expected = (row.contains("decoded") ? row["decoded"] : texts_[i]).get<std::string>();
    const std::string text =
        replace_invalid_utf8(tokenizer_->decode(ids, /*render_special=*/false, /*at_start=*/true));
    // SentencePiece writes " ⁇ " for an unknown token; here it shows nothing.
    const std::string unknown_mark = " \xE2\x81\x87 ";
    for (size_t hit; (hit = expected.find(unknown_mark)) != expected.npos;) {
      expected.erase(hit, unknown_mark.size());
    }
    EXPECT_EQ(text, expected) << "text " << i << ": " << texts_[i];
  }
}

TEST_P(GoldenTokenizer, IsSharedByThreads) {
  const auto encode_all = [&] {
    std::vector<std::vector<TokenId>> all;
    for (const json& text : texts_) {
      auto ids = tokenizer_->encode(text.get<std::string>(), {});
      all.push_back(ids.ok() ? *ids : std::vector<TokenId>{-1});
    }
    return all;
  };
  const auto expected = encode_all();
  std::vector<std::future<std::vector<std::vector<TokenId>>>> others;
  for (int i = 0; i < 4; ++i) others.push_back(std::async(std::launch::async, encode_all));
  for (auto& other : others) EXPECT_EQ(other.get(), expected);
}

INSTANTIATE_TEST_SUITE_P(All, GoldenTokenizer,
                         testing::Values("tok_digits", "tok_pattern", "tok_llama",
                                         "tok_llama_legacy", "tok_sentencepiece",
                                         "tok_sentencepiece_strict", "tok_unigram",
                                         "tok_unigram_bytes", "tok_word_piece", "tok_gemma4",
                                         "tok_word_piece_cased"),
                         [](const auto& parameter) { return std::string(parameter.param); });

}  // namespace
}  // namespace whet
