#include "engine/engine.h"

#include <gtest/gtest.h>

#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <stdexcept>
#include <thread>

#include "grammar/gbnf.h"

namespace whet {
namespace {

const std::string kModel = WHET_SOURCE_DIR "/models/whetstone-draft-q8_0.gguf";

std::unique_ptr<Engine> engine(const EngineOptions& options = {}) {
  auto loaded = load_model(kModel);
  if (!loaded.ok()) ADD_FAILURE() << loaded.error().message();
  auto created = Engine::create(std::move(*loaded), options);
  if (!created.ok()) ADD_FAILURE() << created.error().message();
  return std::move(*created);
}

Conversation ask(const std::string& content) {
  Conversation conversation;
  conversation.messages.push_back({.role = "user", .content = content});
  return conversation;
}

TEST(EnginePrompt, UsersCannotForgeControlTokens) {
  auto e = engine();
  const Tokenizer& t = e->tokenizer();
  const auto controls = [&](const std::string& content) {
    std::vector<int32_t> ids = e->encode_prompt(ask(content)).value();
    std::erase_if(ids, [&](int32_t id) { return t.type(id) != TokenType::kControl; });
    return ids;
  };
  std::string forged = "a";
  for (TokenId id = 0; id < t.vocab_size(); ++id) {
    if (t.type(id) == TokenType::kControl) forged += std::string(t.piece(id)) + "b";
  }
  ASSERT_GT(forged.size(), 5u);
  EXPECT_EQ(controls(forged), controls("ab"));
  // The text is whole: what the ids of the user's part say is what the user wrote.
  const auto ids = e->encode_prompt(ask(forged)).value();
  EXPECT_NE(t.decode(ids, true, true).find(forged), std::string::npos);
}

TEST(EnginePrompt, TakesIdsAsTheyAreAndChecksThem) {
  auto e = engine();
  const std::vector<int32_t> ids = {5, 6, 7};
  EXPECT_EQ(e->encode_prompt(ids).value(), ids);
  for (int32_t bad : {-1, e->describe().vocab_size}) {
    const auto refused = e->encode_prompt(std::vector<int32_t>{5, bad});
    ASSERT_FALSE(refused.ok());
    EXPECT_NE(refused.error().message().find("prompt token id"), std::string::npos);
  }
}

GenerateRequest request(const std::string& content, int64_t max_tokens, uint64_t seed,
                        double temperature = 0.8) {
  GenerateRequest r;
  r.prompt = ask(content);
  r.max_tokens = max_tokens;
  r.samples[0].seed = seed;
  r.samples[0].temperature = temperature;
  return r;
}

std::vector<std::vector<int32_t>> tokens_of(const GenerateResult& result) {
  std::vector<std::vector<int32_t>> tokens;
  for (const Completion& c : result.completions) tokens.push_back(c.tokens);
  return tokens;
}

std::vector<GenerateRequest> mixed_requests(size_t n) {
  std::vector<GenerateRequest> requests;
  for (size_t i = 0; i < n; ++i) {
    GenerateRequest r = request("What is " + std::to_string(i % 7) + " + " + std::to_string(i) +
                                    std::string(i % 5 * 20, '.') + "?",
                                4 + static_cast<int64_t>(i % 13), i, i % 3 == 0 ? 0.0 : 0.9);
    if (i % 4 == 1) r.samples.resize(3, r.samples[0]);
    for (size_t k = 0; k < r.samples.size(); ++k) r.samples[k].seed = i + k;
    if (i % 6 == 2) r.samples[0].repeat_penalty = 1.2;
    if (i % 6 == 3) r.top_logprobs = 2;
    requests.push_back(std::move(r));
  }
  return requests;
}

// The house's numerical contract, seen from the door: the bits of an answer do not depend on what
// else is served, on chunks, threads or what is in the prefix cache.
TEST(Engine, ServesTheSameBitsTogetherAloneAndInAnyOrder) {
  const std::vector<GenerateRequest> requests = mixed_requests(50);
  std::vector<std::vector<std::vector<int32_t>>> alone;
  {
    auto e = engine({.threads = 1, .prefix_cache = false});
    for (GenerateRequest r : requests) {
      r.speculate = false;
      alone.push_back(tokens_of(e->generate(r).value()));
    }
  }
  const EngineOptions settings[] = {{.threads = 2},
                                    {.threads = 2, .batch = 7, .batch_beside_decode = 3},
                                    {.threads = 1, .kv_bytes = 3 << 20}};
  for (const EngineOptions& options : settings) {
    auto e = engine(options);
    std::vector<std::vector<std::vector<int32_t>>> together(requests.size());
    std::vector<std::thread> askers;
    for (size_t t = 0; t < 10; ++t) {
      askers.emplace_back([&, t] {
        for (size_t i = requests.size() - 1 - t; i < requests.size(); i -= 10) {
          auto result = e->generate(requests[i]);
          ASSERT_TRUE(result.ok()) << result.error().message();
          together[i] = tokens_of(*result);
        }
      });
    }
    for (std::thread& asker : askers) asker.join();
    for (size_t i = 0; i < requests.size(); ++i) EXPECT_EQ(together[i], alone[i]) << i;
  }
}

TEST(Engine, ReadsTheNextTurnOfAChatFromTheCache) {
  auto e = engine();
  GenerateRequest r = request("Tell me something about the sea, the sky and the land.", 20, 3, 0);
  r.ignore_eos = true;
  int64_t n_known = 0;
  for (int turn = 0; turn < 4; ++turn) {
    const GenerateResult result = e->generate(r).value();
    if (turn > 0) {
      EXPECT_GE(result.n_cached_tok, n_known);
    }
    // Prompt and answer; the last token's keys and values were never needed. Where the template
    // writes the turn's end, the ids part.
    n_known = result.n_prompt_tok + result.completions[0].n_completion_tok - 3;
    r.conversation().messages.push_back(
        {.role = "assistant", .content = result.completions[0].text});
    r.conversation().messages.push_back({.role = "user", .content = "And then?"});
  }
}

TEST(Engine, WhatWasDecodedSparseIsNotKeptForPrompts) {
  auto loaded = load_model(kModel);
  ASSERT_TRUE(loaded.ok());
  SparsityPlan plan{.method = "half", .kept = {}};
  for (const LayerForm& layer : loaded->model.config.layers) {
    const auto shapes = sparsity_shapes(layer, loaded->model.config.d_model);
    auto& kept = plan.kept.emplace_back();
    for (size_t i = 0; i < kSparsitySites; ++i) kept[i] = shapes[i].channels / 2;
  }
  loaded->model.sparsity = std::make_shared<const SparsityPlan>(std::move(plan));
  EngineOptions options;
  options.sparse_rows = SparseRows::kDecoded;
  options.speculation.sources.fill(false);
  auto e = std::move(Engine::create(std::move(*loaded), options).value());
  GenerateRequest r = request("Tell me something about the sea.", 20, 3, 0);
  r.ignore_eos = true;
  const auto ids = e->encode_prompt(r.prompt).value();
  const GenerateResult first = e->generate(r).value();
  EXPECT_EQ(tokens_of(e->generate(r).value()), tokens_of(first));
  // A prompt that goes on as the answer did reads the answer's tokens again, dense.
  std::vector<int32_t> longer = ids;
  const std::vector<int32_t> decoded = tokens_of(first)[0];
  longer.insert(longer.end(), decoded.begin(), decoded.end());
  r.prompt = longer;
  EXPECT_EQ(e->generate(r)->n_cached_tok, static_cast<int64_t>(ids.size()));
}

TEST(Engine, CachedPrefixesStayInTheirScope) {
  auto e = engine();
  GenerateRequest r = request("A prompt that is long enough to be kept in the cache.", 2, 1);
  r.cache_scope = "a";
  EXPECT_EQ(e->generate(r)->n_cached_tok, 0);
  EXPECT_GT(e->generate(r)->n_cached_tok, 0);
  r.cache_scope = "b";
  EXPECT_EQ(e->generate(r)->n_cached_tok, 0);
}

TEST(Engine, KeptPrefixesOutliveTheProcess) {
  const std::string directory = testing::TempDir() + "/whet-prefixes-" + std::to_string(::getpid());
  GenerateRequest r =
      request(std::string(40, 'a') +
                  " tell me about these: one two three four five six "
                  "seven eight nine ten eleven twelve, and then all of them once again, "
                  "from the last one to the first one, in words and in figures, please, and "
                  "do not leave out a single one.",
              4, 3, 0);
  GenerateResult first;
  {
    auto e = engine({.prefix_directory = directory});
    first = e->generate(r).value();
    ASSERT_GT(first.n_prompt_tok, 130);
    EXPECT_EQ(first.n_cached_tok, 0);
  }
  {
    auto e = engine({.prefix_directory = directory});
    const GenerateResult again = e->generate(r).value();
    EXPECT_GE(again.n_cached_tok, 128);
    EXPECT_EQ(tokens_of(again), tokens_of(first));
    r.cache_scope = "another";
    EXPECT_EQ(e->generate(r)->n_cached_tok, 0);
  }
  {
    // Other arithmetic, other values.
    auto e = engine({.exact = true, .prefix_directory = directory});
    r.cache_scope = "";
    EXPECT_EQ(e->generate(r)->n_cached_tok, 0);
  }
  std::filesystem::remove_all(directory);
}

TEST(Engine, TheSinkEndsASampleOrTheRequest) {
  auto e = engine();
  GenerateRequest r = request("Count.", 40, 5);
  r.ignore_eos = true;
  r.samples.resize(2, r.samples[0]);
  r.samples[1].seed = 6;
  size_t n_first = 0;
  const auto end_first = [&](const GenerateEvent& event) {
    if (event.sample != 0) return Continue::kYes;
    ++n_first;
    return Continue::kEndSample;
  };
  const GenerateResult one = e->generate(r, end_first).value();
  EXPECT_EQ(n_first, 1u);
  EXPECT_EQ(one.completions[0].finish, FinishReason::kCancelled);
  EXPECT_EQ(one.completions[1].finish, FinishReason::kLength);
  EXPECT_EQ(one.completions[1].n_completion_tok, 40);
  const GenerateResult none =
      e->generate(r, [](const GenerateEvent&) { return Continue::kEndRequest; }).value();
  for (const Completion& c : none.completions) EXPECT_EQ(c.finish, FinishReason::kCancelled);
}

TEST(Engine, ASinkThatThrowsEndsItsOwnRequest) {
  auto e = engine();
  GenerateRequest r = request("Count.", 40, 5);
  r.ignore_eos = true;
  const std::string text = e->generate(r)->completions[0].text;
  size_t n_events = 0;
  const auto thrown = e->generate(r, [&](const GenerateEvent&) -> Continue {
    ++n_events;
    throw std::runtime_error("no more ink");
  });
  ASSERT_FALSE(thrown.ok());
  EXPECT_EQ(thrown.error().code(), ErrorCode::kInternal);
  EXPECT_NE(thrown.error().message().find("no more ink"), std::string::npos);
  EXPECT_EQ(n_events, 1u) << "it is not called again";
  EXPECT_FALSE(e->generate(r, [](const GenerateEvent&) -> Continue { throw 7; }).ok());
  EXPECT_EQ(e->generate(r)->completions[0].text, text);
}

TEST(Engine, EventsSpellTheTextAndTellTheFinish) {
  auto e = engine();
  GenerateRequest r = request("What is 3 * 4?", 30, 7);
  r.samples.resize(3, r.samples[0]);
  for (size_t i = 0; i < 3; ++i) r.samples[i].seed = i;
  r.top_logprobs = 1;
  std::vector<std::string> texts(3);
  std::vector<size_t> n_tokens(3), n_finishes(3);
  const GenerateResult result = e->generate(r, [&](const GenerateEvent& event) {
                                   texts[event.sample] += event.text;
                                   n_tokens[event.sample] += event.tokens.size();
                                   n_finishes[event.sample] += event.finish.has_value();
                                   return Continue::kYes;
                                 }).value();
  for (size_t i = 0; i < 3; ++i) {
    EXPECT_EQ(texts[i], result.completions[i].text);
    EXPECT_EQ(n_tokens[i], result.completions[i].tokens.size());
    EXPECT_EQ(n_finishes[i], 1u);
  }
}

TEST(Engine, CancelledAndLateRequestsEndWithWhatTheyHave) {
  auto e = engine();
  GenerateRequest r = request("Count.", 40, 5);
  CancelFlag cancel;
  cancel.cancel();
  const GenerateResult cancelled = e->generate(r, nullptr, &cancel).value();
  ASSERT_EQ(cancelled.completions.size(), 1u);
  EXPECT_EQ(cancelled.completions[0].finish, FinishReason::kCancelled);
  EXPECT_EQ(cancelled.completions[0].n_completion_tok, 0);
  r.deadline_ns = 1;  // long ago
  EXPECT_EQ(e->generate(r)->completions[0].finish, FinishReason::kTime);
}

TEST(Engine, RefusesWhatCanNeverFitWithBothNumbers) {
  auto e = engine({.kv_bytes = 1 << 20});
  GenerateRequest r = request("Count.", 200, 5);
  r.samples.resize(64, r.samples[0]);
  const auto refused = e->generate(r);
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().code(), ErrorCode::kResourceExhausted);
  EXPECT_NE(refused.error().message().find("64 completions"), std::string::npos);
  EXPECT_NE(refused.error().message().find("memory allows"), std::string::npos);
}

// Nobody knows how long answers without a limit become, so all begin, and the youngest wait again
// where memory falls short. What they say does not change.
TEST(Engine, RequestsThatGaveWayAnswerWithTheSameBits) {
  const auto unlimited = [](size_t i) {
    GenerateRequest r = request("Tell me " + std::to_string(i), i % 2 == 0 ? 240 : 200, i, 0.9);
    r.ignore_eos = true;
    if (i == 3) r.samples.resize(2, r.samples[0]);
    if (i == 3) r.samples[1].seed = 77;
    if (i == 4) r.prompt_logprobs = 1;
    return r;
  };
  constexpr size_t kRequests = 5;
  std::vector<GenerateResult> alone;
  auto e = engine({.context = 300});
  for (size_t i = 0; i < kRequests; ++i) alone.push_back(e->generate(unlimited(i)).value());
  const uint64_t block_bytes = KvLayout::in_blocks(e->kv_shape()).value().block_bytes();
  e = engine({.context = 300, .reserve_ahead = 32, .kv_bytes = 8 * block_bytes});
  std::vector<std::thread> askers;
  for (size_t i = 0; i < kRequests; ++i) {
    askers.emplace_back([&, i] {
      const auto result = e->generate(unlimited(i));
      ASSERT_TRUE(result.ok()) << result.error().message();
      EXPECT_EQ(tokens_of(*result), tokens_of(alone[i])) << i;
      ASSERT_EQ(result->prompt_tokens.size(), alone[i].prompt_tokens.size());
      for (size_t k = 0; k < result->prompt_tokens.size(); ++k) {
        EXPECT_EQ(result->prompt_tokens[k].logprob, alone[i].prompt_tokens[k].logprob);
      }
    });
  }
  for (std::thread& asker : askers) asker.join();
  EXPECT_GT(e->load().n_gave_way, 0);
}

TEST(Engine, TakesTheContextThatMemoryHoldsUnlessOneIsNamed) {
  auto whole = engine();
  EXPECT_EQ(whole->context(), whole->describe().trained_context);
  const uint64_t block_bytes = KvLayout::in_blocks(whole->kv_shape()).value().block_bytes();
  auto small = engine({.kv_bytes = 2 * block_bytes + 1});
  EXPECT_EQ(small->context(), 256);
  ASSERT_LT(small->context(), small->describe().trained_context);
  EXPECT_TRUE(small->generate(request("Count.", -1, 5)).ok());
  auto named = engine({.context = 512, .kv_bytes = 2 * block_bytes});
  EXPECT_EQ(named->context(), 512);
  const auto refused = named->generate(request("Count.", -1, 5));
  ASSERT_FALSE(refused.ok());
  EXPECT_NE(refused.error().message().find("512 positions"), std::string::npos)
      << refused.error().message();
}

TEST(Engine, ScoresThePromptAndAContinuation) {
  auto e = engine();
  GenerateRequest r;
  r.prompt = std::string("The sea is blue and the sky is");
  r.max_tokens = 0;
  r.prompt_logprobs = 2;
  const GenerateResult result = e->generate(r).value();
  ASSERT_EQ(result.prompt_tokens.size(), static_cast<size_t>(result.n_prompt_tok));
  EXPECT_EQ(result.completions[0].n_completion_tok, 0);
  EXPECT_EQ(result.completions[0].finish, FinishReason::kLength);
  const auto ids = e->encode_prompt(r.prompt).value();
  const auto scores = e->score(ids).value();
  std::string text;
  for (size_t i = 0; i < ids.size(); ++i) {
    EXPECT_EQ(result.prompt_tokens[i].id, ids[i]);
    text += result.prompt_tokens[i].bytes;
    if (i == 0) continue;
    EXPECT_EQ(result.prompt_tokens[i].logprob, scores[i - 1]);
    EXPECT_EQ(result.prompt_tokens[i].top.size(), 2u);
    EXPECT_GE(result.prompt_tokens[i].top[0].logprob, result.prompt_tokens[i].logprob);
  }
  EXPECT_NE(text.find("The sea is blue"), std::string::npos);

  // score() of a text behind a prompt is what reading both scores.
  const auto tail = e->score(Prompt(std::vector<int32_t>(ids.begin(), ids.end() - 2)),
                             e->tokenizer().decode({ids.end() - 2, ids.end()}, false, false));
  ASSERT_TRUE(tail.ok());
  ASSERT_EQ(tail->size(), 2u);
  EXPECT_EQ((*tail)[1].logprob, scores.back());
}

TEST(Engine, EndsNoTurnBeforeMinTokens) {
  auto e = engine();
  GenerateRequest r = request("What is 3 * 4?", 200, 1, 0);
  const Completion shorter = e->generate(r)->completions[0];
  ASSERT_EQ(shorter.finish, FinishReason::kStop);
  r.min_tokens = shorter.n_completion_tok + 5;
  EXPECT_GE(e->generate(r)->completions[0].n_completion_tok, r.min_tokens);
}

TEST(Engine, NamesTheStopStringThatEndedIt) {
  auto e = engine();
  GenerateRequest r = request("What is 3 * 4?", 30, 1, 0);
  const std::string text = e->generate(r)->completions[0].text;
  ASSERT_GT(text.size(), 3u);
  r.stop = {"never", text.substr(1, 2)};
  const GenerateResult result = e->generate(r).value();
  EXPECT_EQ(result.completions[0].stop, text.substr(1, 2));
  EXPECT_EQ(result.completions[0].finish, FinishReason::kStop);
}

std::shared_ptr<const grammar::Grammar> grammar_of(std::string_view gbnf) {
  auto compiled = grammar::gbnf_grammar(gbnf);
  if (!compiled.ok()) ADD_FAILURE() << compiled.error().message();
  return compiled.ok() ? *compiled : nullptr;
}

TEST(EngineGrammar, EverySampleMatchesAndEndsWhereNothingCanFollow) {
  auto e = engine();
  GenerateRequest r = request("Which way?", 60, 1);
  r.grammar = grammar_of("root ::= way (\", then \" way){1,2} \".\"\nway ::= \"left\" | \"right\"");
  r.samples.clear();
  for (uint64_t seed = 0; seed < 12; ++seed) {
    SamplingParams params;
    params.seed = seed;
    params.temperature = seed % 3 == 0 ? 0 : 5;
    params.top_k = seed % 2 == 0 ? 0 : 1;
    r.samples.push_back(params);
  }
  std::vector<std::string> streamed(r.samples.size());
  const auto result = e->generate(r, [&](const GenerateEvent& event) {
    streamed[event.sample] += event.text;
    return Continue::kYes;
  });
  ASSERT_TRUE(result.ok()) << result.error().message();
  for (size_t i = 0; i < r.samples.size(); ++i) {
    const Completion& c = result->completions[i];
    EXPECT_TRUE(r.grammar->matches(c.text)) << c.text;
    EXPECT_EQ(c.finish, FinishReason::kStop);
    EXPECT_EQ(streamed[i], c.text);
  }
}

TEST(EngineGrammar, LogprobsAreThoseOfTheModel) {
  auto e = engine();
  GenerateRequest r = request("What is 12 + 34?", 5, 3, 0);
  r.top_logprobs = 3;
  const auto free = e->generate(r);
  ASSERT_TRUE(free.ok());
  r.grammar = grammar_of("root ::= \"@\" .*");
  const auto held = e->generate(r);
  ASSERT_TRUE(held.ok()) << held.error().message();
  const TokenInfo& expected = free->completions[0].logprobs[0];
  const TokenInfo& found = held->completions[0].logprobs[0];
  EXPECT_TRUE(found.bytes.starts_with('@')) << found.bytes;
  ASSERT_EQ(found.top.size(), 3u);
  for (size_t i = 0; i < 3; ++i) {
    EXPECT_EQ(found.top[i].id, expected.top[i].id);
    EXPECT_EQ(found.top[i].logprob, expected.top[i].logprob);
  }
  EXPECT_LT(found.logprob, expected.logprob);
}

TEST(EngineGrammar, NothingLeftIsAnErrorAndTheNextRequestRuns) {
  auto e = engine();
  GenerateRequest r = request("x", 5, 1);
  r.ignore_eos = true;
  r.grammar = grammar_of("root ::= \"\"");
  const auto refused = e->generate(r);
  ASSERT_FALSE(refused.ok());
  EXPECT_NE(refused.error().message().find("no token is left"), std::string::npos);
  EXPECT_TRUE(e->generate(request("x", 5, 1)).ok());
}

}  // namespace
}  // namespace whet
