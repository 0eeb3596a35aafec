// Speculation as a user meets it: the text is that of plain decoding, whatever is proposed.
#include <gtest/gtest.h>

#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <thread>

#include "engine/engine.h"
#include "engine/session_texts.h"
#include "grammar/gbnf.h"

namespace whet {
namespace {

const std::string kModel = WHET_SOURCE_DIR "/models/whetstone-draft-q8_0.gguf";

const std::string kLarger = WHET_SOURCE_DIR "/models/whetstone-2.8m-q8_0.gguf";

/// Proposes whatever it can, so that what a test sees does not depend on the clock.
EngineOptions eager() {
  EngineOptions options;
  options.speculation.adaptive = false;
  return options;
}

std::unique_ptr<Engine> engine(EngineOptions options = eager(), const std::string& draft = {},
                               const std::string& target = kModel) {
  auto loaded = load_model(target);
  if (!loaded.ok()) ADD_FAILURE() << loaded.error().message();
  options.threads = 2;
  std::optional<LoadedModel> draft_model;
  if (!draft.empty()) draft_model = load_model(draft).value();
  auto created = Engine::create(std::move(*loaded), options, std::move(draft_model));
  if (!created.ok()) ADD_FAILURE() << created.error().message();
  return std::move(*created);
}

/// A prompt that its answer repeats, so that there is something to propose.
GenerateRequest request(int i, bool speculate) {
  const std::string line = "the " + std::to_string(i) + " red and the blue fox, and again ";
  GenerateRequest r;
  r.prompt = line + line + line + line;
  r.max_tokens = 40;
  r.ignore_eos = true;
  r.speculate = speculate;
  r.samples[0].seed = static_cast<uint64_t>(i);
  return r;
}

void set_sampling(GenerateRequest& r, int setting) {
  SamplingParams& s = r.samples[0];
  s.temperature = setting == 0 ? 0 : 0.8;
  if (setting == 2) s.top_k = 0, s.top_p = 1, s.min_p = 0, s.temperature = 1.3;
  if (setting == 3) s.repeat_penalty = 1.3, s.presence_penalty = 0.2, s.frequency_penalty = 0.1;
  if (setting == 4) {
    r.samples.resize(3, s);
    for (size_t k = 0; k < 3; ++k) r.samples[k].seed += 100 * k;
  }
  if (setting == 5) r.top_logprobs = 2;
  if (setting == 6) r.stop = {"blue", "x"};
  if (setting == 7) {
    r.ignore_eos = false;
    r.grammar = grammar::gbnf_grammar("root ::= (\"the red fox \" | \"the blue fox \")+").value();
  }
}
constexpr int kSettings = 8;

void expect_same(const GenerateResult& a, const GenerateResult& b) {
  ASSERT_EQ(a.completions.size(), b.completions.size());
  for (size_t i = 0; i < a.completions.size(); ++i) {
    const Completion &x = a.completions[i], &y = b.completions[i];
    EXPECT_EQ(x.tokens, y.tokens);
    EXPECT_EQ(x.text, y.text);
    EXPECT_EQ(x.finish, y.finish);
    EXPECT_EQ(x.stop, y.stop);
    EXPECT_EQ(x.n_completion_tok, y.n_completion_tok);
    ASSERT_EQ(x.logprobs.size(), y.logprobs.size());
    for (size_t k = 0; k < x.logprobs.size(); ++k) {
      EXPECT_EQ(x.logprobs[k].id, y.logprobs[k].id);
      EXPECT_EQ(x.logprobs[k].logprob, y.logprobs[k].logprob);
    }
  }
}

TEST(Speculation, NeverChangesTheText) {
  auto plain = engine({.prefix_cache = false});
  auto fast = engine();
  int64_t n_accepted = 0, n_missed = 0;
  for (int setting = 0; setting < kSettings; ++setting) {
    for (int i = 0; i < 6; ++i) {
      GenerateRequest r = request(i, false);
      set_sampling(r, setting);
      const auto expected = plain->generate(r);
      ASSERT_TRUE(expected.ok()) << expected.error().message();
      EXPECT_EQ(expected->speculation.n_drafted(), 0);
      r.speculate = true;
      const auto found = fast->generate(r);
      ASSERT_TRUE(found.ok()) << found.error().message();
      SCOPED_TRACE(testing::Message() << "setting " << setting << ", prompt " << i);
      expect_same(*expected, *found);
      n_accepted += found->speculation.n_accepted();
      n_missed += found->speculation.n_drafted() - found->speculation.n_accepted();
    }
  }
  // Otherwise this has tested nothing.
  EXPECT_GT(n_accepted, 50);
  EXPECT_GT(n_missed, 50);
}

TEST(Speculation, NeverChangesTheTextOfRequestsThatShareSteps) {
  auto plain = engine({.prefix_cache = false});
  EngineOptions options = eager();
  options.batch = 16;
  options.batch_beside_decode = 5;
  auto fast = engine(options);
  constexpr int kRequests = 24;
  std::vector<GenerateRequest> requests;
  std::vector<GenerateResult> expected, found(kRequests);
  for (int i = 0; i < kRequests; ++i) {
    requests.push_back(request(i % 5, false));
    set_sampling(requests.back(), i % kSettings);
    expected.push_back(plain->generate(requests.back()).value());
    requests.back().speculate = i % 3 != 0;
  }
  std::vector<std::thread> askers;
  for (size_t t = 0; t < 4; ++t) {
    askers.emplace_back([&, t] {
      for (size_t i = t; i < kRequests; i += 4) found[i] = fast->generate(requests[i]).value();
    });
  }
  for (std::thread& asker : askers) asker.join();
  for (size_t i = 0; i < kRequests; ++i) {
    SCOPED_TRACE(i);
    expect_same(expected[i], found[i]);
  }
}

TEST(Speculation, CountsWhatHappened) {
  auto e = engine();
  const GenerateRequest r = request(1, true);
  const GenerateResult result = e->generate(r).value();
  const SpeculationCounts& counts = result.speculation;
  int64_t n_rows = 0;
  for (size_t m = 0; m < counts.steps_of_rows.size(); ++m) {
    n_rows += static_cast<int64_t>(m) * counts.steps_of_rows[m];
  }
  // Every row but those of proposals is a step's own, and every step yields one token more than
  // it accepts; the first token comes from the prompt's pass.
  EXPECT_EQ(n_rows, counts.n_steps() + counts.n_drafted());
  EXPECT_EQ(result.completions[0].n_completion_tok, 1 + counts.n_steps() + counts.n_accepted());
  const DraftCounts& ngram = counts.of[static_cast<size_t>(DraftSource::kNgram)];
  EXPECT_GT(ngram.n_drafts, 0);
  EXPECT_EQ(ngram.drafted_at[0], ngram.n_drafts);
  EXPECT_EQ(ngram.n_drafted(), counts.n_drafted());
  for (size_t i = 0; i < ngram.drafted_at.size(); ++i) {
    EXPECT_LE(ngram.accepted_at[i], ngram.drafted_at[i]);
    if (i == 0) continue;
    EXPECT_LE(ngram.accepted_at[i], ngram.accepted_at[i - 1]);
  }
  EXPECT_EQ(e->load().n_drafted_tok, counts.n_drafted());
  EXPECT_EQ(e->load().n_accepted_tok, counts.n_accepted());
}

TEST(Speculation, ProposesFromEarlierAnswersOfTheScopeOnly) {
  EngineOptions options = eager();
  options.speculation.sources = {false, true, false, false};
  auto e = engine(options);
  GenerateRequest r = request(2, true);
  r.samples[0].temperature = 0;
  r.cache_scope = "a";
  EXPECT_EQ(e->generate(r)->speculation.n_drafted(), 0);
  const GenerateResult again = e->generate(r).value();
  EXPECT_GT(again.speculation.of[static_cast<size_t>(DraftSource::kSession)].n_accepted(), 10);
  r.cache_scope = "b";
  EXPECT_EQ(e->generate(r)->speculation.n_drafted(), 0);
}

TEST(Speculation, ProposesFromPhrases) {
  GenerateRequest r = request(3, true);
  r.samples[0].temperature = 0;
  EngineOptions options = eager();
  options.speculation.sources = {};
  const std::string text = engine(options)->generate(r)->completions[0].text;
  const std::string path = testing::TempDir() + "/phrases-" + std::to_string(::getpid());
  std::ofstream(path) << "another line\n" << text << "\n";
  options.speculation.sources = {false, false, true, false};
  options.speculation.phrase_file = path;
  auto e = engine(options);
  const GenerateResult result = e->generate(r).value();
  EXPECT_EQ(result.completions[0].text, text);
  EXPECT_GT(result.speculation.of[static_cast<size_t>(DraftSource::kPhrase)].n_accepted(), 10);
  std::filesystem::remove(path);

  auto loaded = load_model(kModel);
  const auto missing = Engine::create(std::move(*loaded), options);
  ASSERT_FALSE(missing.ok());
  EXPECT_NE(missing.error().message().find(path), std::string::npos);
}

EngineOptions model_alone() {
  EngineOptions options = eager();
  options.speculation.sources = {false, false, false, true};
  options.speculation.n_draft_head = 0;
  options.speculation.n_max = 4;
  return options;
}

TEST(Speculation, NeverChangesTheTextWithADraftModel) {
  auto fast = engine(model_alone(), kModel);
  EngineOptions small_head = model_alone();
  small_head.speculation.n_draft_head = 320;
  auto larger = engine(small_head, kModel, kLarger);
  for (auto* e : {&fast, &larger}) {
    int64_t n_accepted = 0;
    for (int setting = 0; setting < kSettings; ++setting) {
      for (int i = 0; i < 3; ++i) {
        GenerateRequest r = request(i, false);
        set_sampling(r, setting);
        const GenerateResult expected = (*e)->generate(r).value();
        r.speculate = true;
        const GenerateResult found = (*e)->generate(r).value();
        SCOPED_TRACE(testing::Message() << "setting " << setting << ", prompt " << i);
        expect_same(expected, found);
        n_accepted += found.speculation.n_accepted();
      }
    }
    EXPECT_GT(n_accepted, 50);
  }
}

TEST(Speculation, AModelThatDraftsForItselfIsAlwaysRight) {
  // It draws with the same numbers from the same distribution, at any temperature. As many tokens
  // are to come as the prompt has, or it would read no more than the end of it.
  auto e = engine(model_alone(), kModel);
  for (int setting = 0; setting < 4; ++setting) {
    GenerateRequest r = request(setting, true);
    r.max_tokens = 160;
    set_sampling(r, setting);
    const GenerateResult result = e->generate(r).value();
    ASSERT_LT(result.n_prompt_tok, r.max_tokens);
    const SpeculationCounts& counts = result.speculation;
    EXPECT_GT(counts.n_accepted(), 80);
    EXPECT_EQ(counts.n_accepted(), counts.n_drafted()) << "setting " << setting;
    EXPECT_EQ(counts.of[static_cast<size_t>(DraftSource::kModel)].n_drafted(), counts.n_drafted());
  }
}

TEST(Speculation, NeverChangesTheTextWhereItChoosesLengths) {
  auto e = engine({});
  for (int i = 0; i < 8; ++i) {
    GenerateRequest r = request(i, false);
    set_sampling(r, i % kSettings);
    const GenerateResult expected = e->generate(r).value();
    r.speculate = true;
    SCOPED_TRACE(i);
    expect_same(expected, e->generate(r).value());
  }
}

TEST(Speculation, RefusesOptionsOutOfRange) {
  for (const int64_t n : {int64_t{0}, kMostDraftTokens + 1}) {
    EngineOptions options;
    options.speculation.n_max = n;
    EXPECT_FALSE(Engine::create(load_model(kModel).value(), options).ok());
  }
  EngineOptions options;
  options.speculation.p_min = 1.5;
  EXPECT_FALSE(Engine::create(load_model(kModel).value(), options).ok());
}

TEST(SessionTexts, ForgetsTheScopeThatSpokeLongestAgo) {
  SessionTexts texts;
  for (int32_t i = 0; i < 16; ++i) texts.add(std::to_string(i), std::vector<int32_t>{i, i + 1});
  texts.add("0", std::vector<int32_t>{7, 8});
  texts.add("another", std::vector<int32_t>{1});
  EXPECT_EQ(texts.find("1"), nullptr);
  ASSERT_NE(texts.find("0"), nullptr);
  EXPECT_EQ(texts.find("0")->tokens().size(), 6u);
  EXPECT_EQ(texts.find("never"), nullptr);
  const std::vector<int32_t> longer((1 << 16) + 10, 3);
  texts.add("0", longer);
  EXPECT_EQ(texts.find("0")->tokens().size(), size_t{1} << 15);
}

}  // namespace
}  // namespace whet
