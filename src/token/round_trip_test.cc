// Text in, ids, text out - for every tokenizer at hand, on any Unicode and on any bytes.
#include <gtest/gtest.h>

#include "token/detokenizer.h"
#include "token/random_text_for_test.h"
#include "token/tokenizers_for_test.h"
#include "token/utf8.h"

namespace whet {
namespace {

using token_test::RandomText;

constexpr int kTexts = 2000;
constexpr std::string_view kSpaceMark = "\xE2\x96\x81";

struct Subject {
  const char* name;
  bool recorded;
  /// U+2581 stands for a space in the vocabulary, so a text with one does not come back.
  bool marks_spaces = false;
  /// A leading space of the text is taken for the vocabulary's own (Metaspace, "first").
  bool loses_leading_space = false;
  /// There is no token for the bytes that UTF-8 never uses; they come back as U+FFFD.
  bool lacks_bytes = false;
};

constexpr Subject kSubjects[] = {
    {"gpt-2", true},
    {"llama-bpe", true},
    {"deepseek-llm", true, false, false, true},
    {"llama-spm", true, true},
    {"phi-3", true, true},
    {"tok_digits", false},
    {"tok_llama", false, true, true},
    {"tok_llama_legacy", false, true},
    {"tok_sentencepiece", false, true},
};

class RoundTrip : public testing::TestWithParam<Subject> {
 protected:
  void SetUp() override {
    const Subject& subject = GetParam();
    if (subject.recorded && !std::filesystem::exists(token_test::recorded_path(subject.name))) {
      GTEST_SKIP() << "no recorded vocabulary " << subject.name;
    }
    auto opened = subject.recorded ? token_test::open_recorded(subject.name)
                                   : token_test::open_golden(subject.name);
    ASSERT_TRUE(opened.ok()) << opened.error().message();
    tokenizer_ = *opened;
  }

  std::vector<TokenId> encode(const std::string& text) {
    auto ids = tokenizer_->encode(text, {.add_special = false, .parse_special = false});
    EXPECT_TRUE(ids.ok()) << ids.error().message();
    return ids.ok() ? *ids : std::vector<TokenId>();
  }

  bool can_come_back(const std::string& text) const {
    if (GetParam().marks_spaces && text.find(kSpaceMark) != text.npos) return false;
    return !(GetParam().loses_leading_space && text.starts_with(' '));
  }

  std::string expressible(const std::string& text) const {
    if (!GetParam().lacks_bytes) return text;
    std::string out;
    for (char c : text) {
      const auto byte = static_cast<uint8_t>(c);
      const bool never_used = byte == 0xC0 || byte == 0xC1 || byte >= 0xF5;
      out += never_used ? "\xEF\xBF\xBD" : std::string(1, c);
    }
    return out;
  }

  void expect_round_trip(const std::string& text) {
    if (!can_come_back(text)) return;
    const std::vector<TokenId> ids = encode(text);
    EXPECT_EQ(tokenizer_->decode(ids, false, /*at_start=*/true), expressible(text));
  }

  std::shared_ptr<const Tokenizer> tokenizer_;
};

TEST_P(RoundTrip, RestoresAnyUnicode) {
  RandomText random(1);
  for (int i = 0; i < kTexts; ++i) expect_round_trip(random.utf8(40));
}

TEST_P(RoundTrip, RestoresAnyBytes) {
  RandomText random(2);
  for (int i = 0; i < kTexts; ++i) expect_round_trip(random.bytes(40));
}

TEST_P(RoundTrip, StreamsTheSameTextInWholeCodePoints) {
  RandomText random(3);
  for (int i = 0; i < kTexts; ++i) {
    // Ids of texts, and ids drawn at random, which make broken UTF-8.
    std::vector<TokenId> ids = encode(i % 2 == 0 ? random.utf8(30) : random.bytes(30));
    if (i % 4 == 3) {
      for (TokenId& id : ids) {
        id = static_cast<TokenId>(random.below(static_cast<uint64_t>(tokenizer_->vocab_size())));
      }
    }
    const bool at_start = i % 3 != 0;
    Detokenizer detokenizer(*tokenizer_, {.render_special = false, .at_start = at_start});
    std::string streamed;
    for (TokenId id : ids) {
      const std::string text = detokenizer.push(id);
      EXPECT_EQ(valid_utf8_prefix(text), text.size());
      EXPECT_LE(detokenizer.n_pending_bytes(), 3u);
      streamed += text;
    }
    streamed += detokenizer.flush();
    EXPECT_EQ(streamed, replace_invalid_utf8(tokenizer_->decode(ids, false, at_start)));
  }
}

TEST_P(RoundTrip, NeverWritesControlTokensFromPlainText) {
  std::string text;
  for (TokenId id = 0; id < tokenizer_->vocab_size(); ++id) {
    if (tokenizer_->type(id) == TokenType::kControl) text += tokenizer_->piece(id);
  }
  for (TokenId id : encode(text)) {
    EXPECT_NE(tokenizer_->type(id), TokenType::kControl) << tokenizer_->piece(id);
  }
}

INSTANTIATE_TEST_SUITE_P(All, RoundTrip, testing::ValuesIn(kSubjects), [](const auto& parameter) {
  std::string name = parameter.param.name;
  std::replace(name.begin(), name.end(), '-', '_');
  return name;
});

}  // namespace
}  // namespace whet
