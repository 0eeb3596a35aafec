// A model with phrases as tokens behind the engine's door: what requests mean stays the same.
#include <gtest/gtest.h>

#include <memory>

#include "engine/base_tokens.h"
#include "engine/engine.h"
#include "formats/test_directory_for_test.h"
#include "grammar/gbnf.h"
#include "token/phrase_tokenizer.h"
#include "vocab/adapted_model.h"
#include "vocab/phrase_miner.h"
#include "vocab/phrase_piece.h"

namespace whet {
namespace {

const std::string kModel = WHET_SOURCE_DIR "/models/whetstone-2.8m-q8_0.gguf";

class AdaptedEngineTest : public DirectoryTest {
 protected:
  void SetUp() override {
    DirectoryTest::SetUp();
    const LoadedModel base = load_model(kModel).value();
    const auto ids = base.tokenizer
                         ->encode("Ana has 5 apples and 3 pears.",
                                  {.add_special = false, .parse_special = false})
                         .value();
    ASSERT_GE(ids.size(), 6u);
    const auto admits = vocab::admit_new_pieces(*base.tokenizer);
    std::vector<vocab::Ids> runs;
    for (size_t begin = 0; begin + 4 <= ids.size() && runs.size() < 2; ++begin) {
      const vocab::Ids run(ids.begin() + static_cast<std::ptrdiff_t>(begin),
                           ids.begin() + static_cast<std::ptrdiff_t>(begin + 4));
      if (admits(run)) runs.push_back(run);
    }
    ASSERT_FALSE(runs.empty());
    n_base_ = base.tokenizer->vocab_size();
    const auto phrases = PhraseVocabulary::create(n_base_, runs).value();
    const auto made =
        vocab::write_adapted_model(base, phrases, vocab::PhraseRows::kMean, path("a.gguf"));
    ASSERT_TRUE(made.ok()) << made.error().message();
    engine_ = Engine::create(load_model(path("a.gguf")).value(), {}).value();
    phrase_text_ = engine_->tokenizer().token_bytes(n_base_, true);
  }

  /// Greedy, with the first phrase made so likely that it is drawn wherever it may be.
  GenerateRequest request_for_phrases() const {
    GenerateRequest request;
    request.prompt = std::string("Ana has 5 apples and 3 pears. Ana has");
    request.samples[0].temperature = 0;
    request.samples[0].logit_bias = {{n_base_, 1000.0}};
    request.max_tokens = 6;
    request.top_logprobs = 2;
    return request;
  }

  int32_t n_base_ = 0;
  std::unique_ptr<Engine> engine_;
  std::string phrase_text_;
};

TEST_F(AdaptedEngineTest, LimitsAndLogprobsAreOfTheModelsTokensAndBothCountsAreKnown) {
  const GenerateRequest request = request_for_phrases();
  const auto result = engine_->generate(request);
  ASSERT_TRUE(result.ok()) << result.error().message();
  const Completion& c = result->completions.front();
  EXPECT_EQ(c.n_completion_tok, 6);
  EXPECT_EQ(c.finish, FinishReason::kLength);
  EXPECT_EQ(c.tokens, std::vector<int32_t>(6, n_base_));
  std::string text, from_logprobs;
  for (int i = 0; i < 6; ++i) text += phrase_text_;
  for (const TokenInfo& token : c.logprobs) {
    from_logprobs += token.bytes;
    EXPECT_LE(token.logprob, 0);
    EXPECT_EQ(token.top.size(), 2u);
  }
  EXPECT_EQ(c.text, text);
  EXPECT_EQ(from_logprobs, text);
  const auto counted = base_tokens(*engine_, request.prompt, *result);
  ASSERT_TRUE(counted.has_value());
  EXPECT_EQ(counted->n_completion, 24);
  EXPECT_GT(counted->n_prompt, result->n_prompt_tok);
}

TEST_F(AdaptedEngineTest, AStopStringInsideAPhraseEndsTheText) {
  GenerateRequest request = request_for_phrases();
  const size_t middle = phrase_text_.size() / 2;
  request.stop = {phrase_text_.substr(middle)};
  const auto result = engine_->generate(request);
  ASSERT_TRUE(result.ok()) << result.error().message();
  const Completion& c = result->completions.front();
  EXPECT_EQ(c.text, phrase_text_.substr(0, phrase_text_.find(request.stop[0])));
  EXPECT_EQ(c.stop, request.stop[0]);
  EXPECT_EQ(c.finish, FinishReason::kStop);
}

TEST_F(AdaptedEngineTest, AGrammarAdmitsPhrasesByTheirText) {
  GenerateRequest request = request_for_phrases();
  std::string literal;
  for (const char letter : phrase_text_) {
    if (letter == '"' || letter == '\\') literal += '\\';
    literal += letter;
  }
  request.max_tokens = 40;
  request.grammar =
      grammar::gbnf_grammar("root ::= \"" + literal + "\" \"" + literal + "\" [0-9]").value();
  const auto result = engine_->generate(request);
  ASSERT_TRUE(result.ok()) << result.error().message();
  const Completion& c = result->completions.front();
  EXPECT_TRUE(request.grammar->matches(c.text)) << c.text;
  ASSERT_GE(c.tokens.size(), 2u);
  EXPECT_EQ(c.tokens[0], n_base_);
  EXPECT_EQ(c.tokens[1], n_base_);
  // A grammar that the phrase's text leaves keeps it out, however likely it is.
  request.grammar = grammar::gbnf_grammar("root ::= [0-9]{3}").value();
  const auto digits = engine_->generate(request);
  ASSERT_TRUE(digits.ok()) << digits.error().message();
  EXPECT_TRUE(request.grammar->matches(digits->completions.front().text));
}

TEST_F(AdaptedEngineTest, AContinuationIsScoredWholeWhereverAPhraseStands) {
  const Tokenizer& tokenizer = engine_->tokenizer();
  const std::string text = "Ana has 5 apples and 3 pears.";
  const auto phrased = engine_->encode_prompt(Prompt(text)).value();
  const auto base = phrases_of(tokenizer)->expand(phrased);
  ASSERT_GT(base.size(), phrased.size());
  size_t n_across = 0;
  const size_t first = tokenizer.adds_bos() ? 1 : 0;
  for (size_t border = first + 1; border < base.size(); ++border) {
    const auto middle = base.begin() + static_cast<std::ptrdiff_t>(border);
    const std::string before = tokenizer.decode({base.begin(), middle}, false, true);
    const std::string behind = text.substr(before.size());
    const auto scored = engine_->score(Prompt(before), behind);
    ASSERT_TRUE(scored.ok()) << scored.error().message();
    std::vector<TokenId> ids = phrases_of(tokenizer)->segment({base.begin(), middle});
    const size_t n_before = ids.size();
    std::string said;
    for (const TokenInfo& token : *scored) {
      said += token.bytes;
      ids.push_back(token.id.value());
    }
    EXPECT_EQ(said, behind) << "behind \"" << before << "\"";
    // Of these tokens in this order, and as the model itself scores them.
    EXPECT_EQ(phrases_of(tokenizer)->expand(ids), base);
    const auto expected = engine_->score(ids).value();
    for (size_t i = 0; i < scored->size(); ++i) {
      EXPECT_NEAR((*scored)[i].logprob, expected[n_before - 1 + i], 1e-6);
    }
    n_across += ids.size() > phrased.size();
  }
  EXPECT_GT(n_across, 0u) << "no border inside a phrase";
}

TEST_F(AdaptedEngineTest, AModelWithoutPhrasesHasOneCount) {
  const auto plain = Engine::create(load_model(kModel).value(), {}).value();
  EXPECT_FALSE(base_tokens(*plain, std::string("Ana"), GenerateResult{}).has_value());
}

}  // namespace
}  // namespace whet
