// The installed header, used as a stranger would: it and the shared library, nothing else.
#include "whet/whet.h"

#include <gtest/gtest.h>

#include <future>
#include <thread>

namespace {

const std::string kModel = std::string(WHET_SOURCE_DIR) + "/models/whetstone-draft-q8_0.gguf";

whet::Model load() {
  auto model = whet::Model::load(kModel, {.threads = 2, .context = 0, .chat_template = ""});
  if (!model) throw std::runtime_error(model.error());
  return std::move(*model);
}

TEST(Library, StreamsWhatItReturns) {
  whet::Model model = load();
  whet::GenerateOptions options;
  options.max_tokens = 40;
  options.samples = 3;
  std::vector<std::string> streamed(3);
  auto answer = model.chat({{"user", "What is 12 + 34?"}}, options,
                           [&](std::size_t i, std::string_view text) {
                             streamed[i] += text;
                             return true;
                           });
  ASSERT_TRUE(answer) << answer.error();
  ASSERT_EQ(answer->samples.size(), 3u);
  for (size_t i = 0; i < 3; ++i) EXPECT_EQ(answer->samples[i].text, streamed[i]);
  EXPECT_GT(answer->prompt_tokens, 0);
  EXPECT_GT(answer->first_token_ms, 0);
}

TEST(Library, CancelsFromTheCallback) {
  whet::Model model = load();
  whet::GenerateOptions options;
  options.ignore_eos = true;
  options.max_tokens = 200;
  auto answer =
      model.generate("1 + 1 =", options, [](std::size_t, std::string_view) { return false; });
  ASSERT_TRUE(answer) << answer.error();
  EXPECT_EQ(answer->samples[0].finish_reason, "cancelled");
  EXPECT_LT(answer->samples[0].tokens, 200);
}

TEST(Library, CancelsFromAnotherThread) {
  whet::Model model = load();
  whet::GenerateOptions options;
  options.ignore_eos = true;
  std::promise<void> begun, cancelled;
  std::thread canceller([&] {
    begun.get_future().wait();
    model.cancel();
    cancelled.set_value();
  });
  int64_t pieces = 0;
  auto answer = model.generate("a", options, [&](std::size_t, std::string_view) {
    if (++pieces == 1) {
      begun.set_value();
      cancelled.get_future().wait();
    }
    return true;
  });
  if (pieces == 0) begun.set_value();
  canceller.join();
  ASSERT_TRUE(answer) << answer.error();
  EXPECT_EQ(answer->samples[0].finish_reason, "cancelled");
}

TEST(Library, GivesTokensAndTheirLogProbabilities) {
  whet::Model model = load();
  const auto ids = model.tokenize("17 + 25");
  ASSERT_TRUE(ids) << ids.error();
  const auto text = model.detokenize(*ids);
  ASSERT_TRUE(text) << text.error();
  EXPECT_NE(text->find("17 + 25"), std::string::npos) << *text;
  EXPECT_NE(model.detokenize({-1}).error().find("found -1"), std::string::npos);
  EXPECT_FALSE(model.detokenize({1 << 30}));

  whet::GenerateOptions options;
  options.temperature = 0;
  options.max_tokens = 8;
  options.ignore_eos = true;
  EXPECT_TRUE(model.generate("17 + 25", options)->samples[0].logprobs.empty());
  options.top_logprobs = 3;
  auto answer = model.generate("17 + 25", options);
  ASSERT_TRUE(answer) << answer.error();
  const whet::Generation& sample = answer->samples[0];
  ASSERT_EQ(sample.logprobs.size(), 8u);
  for (const whet::ScoredToken& token : sample.logprobs) {
    EXPECT_LE(token.log_probability, 0);
    ASSERT_EQ(token.top.size(), 3u);
    EXPECT_EQ(token.top[0].id, token.id) << "greedy";
    EXPECT_EQ(token.top[0].log_probability, token.log_probability);
    EXPECT_GE(token.top[0].log_probability, token.top[1].log_probability);
  }
  options.top_logprobs = -2;
  EXPECT_NE(model.generate("a", options).error().find("top_logprobs"), std::string::npos);
}

TEST(Library, AnExceptionOfTheCallbackFailsTheRequestAlone) {
  whet::Model model = load();
  const auto failed = model.generate("a", {}, [](std::size_t, std::string_view) -> bool {
    throw std::runtime_error("no more paper");
  });
  ASSERT_FALSE(failed);
  EXPECT_NE(failed.error().find("no more paper"), std::string::npos) << failed.error();
  whet::GenerateOptions options;
  options.max_tokens = 4;
  EXPECT_TRUE(model.generate("a", options));
}

TEST(Library, ErrorsAreMessages) {
  auto missing = whet::Model::load("/nonexistent.gguf");
  ASSERT_FALSE(missing);
  EXPECT_NE(missing.error().find("/nonexistent.gguf"), std::string::npos);
  whet::Model model = load();
  whet::GenerateOptions options;
  options.temperature = -1;
  auto bad = model.generate("a", options);
  ASSERT_FALSE(bad);
  EXPECT_NE(bad.error().find("temperature"), std::string::npos);
}

TEST(Library, SkipsWeightsWhereAsked) {
  const std::string path = WHET_SOURCE_DIR "/models/whetstone-draft-q8_0.gguf";
  whet::GenerateOptions options;
  options.temperature = 0;
  options.max_tokens = 60;
  options.ignore_eos = true;
  const auto text = [&](const std::string& sparsity) {
    whet::LoadOptions load;
    load.sparsity = sparsity;
    auto model = whet::Model::load(path, load);
    if (!model) return model.error();
    auto answer = model->generate("a b c a b c", options);
    return answer ? answer->samples[0].text : answer.error();
  };
  const std::string dense = text("off");
  EXPECT_EQ(dense, text("0"));
  EXPECT_NE(dense, text("0.6"));
  EXPECT_NE(text("plan").find("whet adapt larosa"), std::string::npos) << text("plan");
  EXPECT_NE(text("some").find("wina:0.4"), std::string::npos) << text("some");
}

TEST(Library, RefusesWhatTheCommandLineRefuses) {
  whet::Model model = load();
  whet::GenerateOptions options;
  options.max_tokens = -7;
  EXPECT_NE(model.generate("a", options).error().find("found -7"), std::string::npos);
  options.max_tokens = 4;
  EXPECT_NE(model.chat({{"wizard", "a"}}, options).error().find("\"wizard\""), std::string::npos);
  EXPECT_FALSE(model.chat({}, options));
  options.samples = 0;
  EXPECT_FALSE(model.generate("a", options));
}

TEST(Library, AModelThatWasMovedFromIsAnError) {
  whet::Model model = load();
  const whet::Model owner = std::move(model);
  EXPECT_NE(model.generate("a").error().find("moved from"), std::string::npos);
  EXPECT_FALSE(model.chat({{"user", "a"}}));
  EXPECT_FALSE(model.tokenize("a"));
  EXPECT_FALSE(model.detokenize({1}));
  model.cancel();
}

}  // namespace
