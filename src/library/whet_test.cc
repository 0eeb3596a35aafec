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
  model.cancel();
}

}  // namespace
