// The C interface, called as C would.
#include "whet/c.h"

#include <gtest/gtest.h>

#include <string>

#include "whet/whet.h"

namespace {

const char* kFile = WHET_SOURCE_DIR "/models/whetstone-draft-q8_0.gguf";

int append(void* user, size_t sample, const char* text, size_t n_bytes) {
  if (sample == 0) static_cast<std::string*>(user)->append(text, n_bytes);
  return 1;
}

int refuse_all(void*, size_t, const char*, size_t) {
  return 0;
}

int throw_something(void*, size_t, const char*, size_t) {
  throw 1;
}

TEST(CLibrary, AnswersAsTheCppInterfaceDoes) {
  whet_model* model = whet_load(kFile, 2, 0);
  ASSERT_NE(model, nullptr) << whet_error();
  whet_options options = whet_default_options();
  options.samples = 2;
  options.max_tokens = 24;
  options.temperature = 3;  // hot and uncut, so that the seed is seen
  options.top_k = 0;
  options.top_p = 1;
  options.min_p = 0;
  options.seed = 7;
  const whet_message messages[] = {{"user", "What is 12 + 34?"}};
  std::string streamed;
  whet_answer* answer = whet_chat(model, messages, 1, &options, append, &streamed);
  ASSERT_NE(answer, nullptr) << whet_error();
  ASSERT_EQ(whet_answer_samples(answer), 2u);
  EXPECT_EQ(whet_answer_text(answer, 0), streamed);
  EXPECT_EQ(whet_answer_text(answer, 2), nullptr);
  EXPECT_EQ(whet_answer_finish_reason(answer, 2), nullptr);
  EXPECT_EQ(whet_answer_tokens(answer, 2), -1);
  EXPECT_GT(whet_answer_prompt_tokens(answer), 0);

  auto other = whet::Model::load(kFile, {.threads = 2, .context = 0, .chat_template = ""});
  whet::GenerateOptions same;
  same.samples = 2;
  same.max_tokens = 24;
  same.temperature = 3;
  same.top_k = 0;
  same.top_p = 1;
  same.min_p = 0;
  same.seed = 7;
  const auto expected = other->chat({{"user", "What is 12 + 34?"}}, same);
  for (size_t i = 0; i < 2; ++i) {
    EXPECT_EQ(whet_answer_text(answer, i), expected->samples[i].text);
    EXPECT_EQ(whet_answer_finish_reason(answer, i), expected->samples[i].finish_reason);
    EXPECT_EQ(whet_answer_tokens(answer, i), expected->samples[i].tokens);
  }
  whet_answer_free(answer);
  whet_free(model);
}

TEST(CLibrary, StopsAtTextsAndWhenToldTo) {
  whet_model* model = whet_load(kFile, 2, 0);
  ASSERT_NE(model, nullptr) << whet_error();
  whet_options options = whet_default_options();
  options.temperature = 0;
  options.max_tokens = 40;
  options.ignore_eos = 1;
  whet_answer* whole = whet_generate(model, "1 + 1 =", &options, nullptr, nullptr);
  ASSERT_NE(whole, nullptr) << whet_error();
  const std::string text = whet_answer_text(whole, 0);
  ASSERT_GT(text.size(), 4u);
  const std::string end = text.substr(text.size() / 2, 2);
  const char* stop[] = {end.c_str()};
  options.stop = stop;
  options.n_stop = 1;
  whet_answer* stopped = whet_generate(model, "1 + 1 =", &options, nullptr, nullptr);
  ASSERT_NE(stopped, nullptr) << whet_error();
  EXPECT_EQ(whet_answer_text(stopped, 0), text.substr(0, text.find(end)));
  EXPECT_STREQ(whet_answer_finish_reason(stopped, 0), "stop");
  whet_answer* cancelled = whet_generate(model, "1 + 1 =", nullptr, refuse_all, nullptr);
  ASSERT_NE(cancelled, nullptr) << whet_error();
  EXPECT_STREQ(whet_answer_finish_reason(cancelled, 0), "cancelled");
  options.n_stop = 0;
  const whet_message question[] = {{"user", "What is 12 + 34?"}};
  whet_answer* on = whet_chat(model, question, 1, &options, nullptr, nullptr);
  ASSERT_NE(on, nullptr) << whet_error();
  EXPECT_EQ(whet_answer_tokens(on, 0), 40) << "ends are ignored";
  for (whet_answer* answer : {whole, stopped, cancelled, on}) whet_answer_free(answer);
  whet_free(model);
}

TEST(CLibrary, EveryFailureIsNullAndAMessage) {
  EXPECT_EQ(whet_load("/nonexistent.gguf", 0, 0), nullptr);
  EXPECT_NE(std::string(whet_error()).find("/nonexistent.gguf"), std::string::npos);
  EXPECT_EQ(whet_load(nullptr, 0, 0), nullptr);
  EXPECT_EQ(whet_generate(nullptr, "a", nullptr, nullptr, nullptr), nullptr);
  whet_model* model = whet_load(kFile, 2, 0);
  ASSERT_NE(model, nullptr) << whet_error();
  EXPECT_EQ(whet_generate(model, nullptr, nullptr, nullptr, nullptr), nullptr);
  EXPECT_EQ(whet_chat(model, nullptr, 0, nullptr, nullptr, nullptr), nullptr);
  EXPECT_NE(std::string(whet_error()).find("found none"), std::string::npos) << whet_error();
  EXPECT_EQ(whet_chat(model, nullptr, 1, nullptr, nullptr, nullptr), nullptr);
  const whet_message half[] = {{"user", nullptr}};
  EXPECT_EQ(whet_chat(model, half, 1, nullptr, nullptr, nullptr), nullptr);
  EXPECT_NE(std::string(whet_error()).find("message 0"), std::string::npos);
  whet_options options = whet_default_options();
  options.n_stop = 1;
  EXPECT_EQ(whet_generate(model, "a", &options, nullptr, nullptr), nullptr);
  EXPECT_NE(std::string(whet_error()).find("stop"), std::string::npos);
  EXPECT_EQ(whet_generate(model, "a", nullptr, throw_something, nullptr), nullptr);
  EXPECT_NE(std::string(whet_error()).find("what listens to the text threw"), std::string::npos);
  whet_free(model);
  whet_free(nullptr);
  whet_answer_free(nullptr);
  whet_cancel(nullptr);
  EXPECT_EQ(whet_answer_samples(nullptr), 0u);
}

}  // namespace
