#include "bench/serving.h"

#include <gtest/gtest.h>

#include <set>

#include "base/clock.h"

namespace whet {
namespace {

/// Answers each request at once, with one token per word of the prompt counted; notes prompts.
class Answering : public Generator {
 public:
  const ModelDescription& describe() const override { return description_; }
  Result<GenerateResult> generate(const GenerateRequest& request, const EventSink&,
                                  const CancelFlag*) override {
    const std::lock_guard lock(mutex_);
    const std::string& text = std::get<std::string>(request.prompt);
    if (!prompts_.insert(text).second) ++n_repeated;
    running_most = std::max(running_most, ++running_);
    --running_;
    GenerateResult result;
    // Two tokens a word, and three of a template.
    result.n_prompt_tok = 3 + 2 * std::count(text.begin(), text.end(), ' ');
    result.start_ns = monotonic_ns();
    result.first_token_ns = result.start_ns + 1;
    result.end_ns = result.start_ns + request.max_tokens;
    Completion completion;
    completion.n_completion_tok = request.max_tokens;
    for (int64_t i = 1; i <= request.max_tokens; ++i) {
      completion.token_ns.push_back(result.start_ns + i);
    }
    result.completions.push_back(std::move(completion));
    return result;
  }
  Result<std::vector<TokenInfo>> score(const Prompt&, std::string_view,
                                       const CancelFlag*) override {
    return Error(ErrorCode::kUnavailable, "no");
  }
  Result<std::optional<int64_t>> count_prompt_tokens(const GenerateRequest&) override {
    return std::optional<int64_t>();
  }
  int n_repeated = 0, running_most = 0;
  size_t n_prompts() const { return prompts_.size(); }

 private:
  ModelDescription description_{.name = "answering"};
  std::mutex mutex_;
  std::set<std::string> prompts_;
  int running_ = 0;
};

TEST(ServingTest, FindsTheWordsOfAPromptAndRepeatsNone) {
  Answering model;
  const UniquePrompts prompts(1);
  const auto words = words_for_tokens(model, prompts, 203, nullptr);
  ASSERT_TRUE(words.ok()) << words.error().message();
  EXPECT_EQ(*words, 100);
  ServingLoad load{.concurrency = 4, .n_requests = 40, .output_tokens = 8};
  for (uint64_t round = 0; round < 3; ++round) {
    const auto run = run_serving(model, load, *words, round * 1000, nullptr, {});
    ASSERT_TRUE(run.ok()) << run.error().message();
    for (const ServingSample& sample : run->samples) {
      EXPECT_FALSE(sample.error.has_value());
      EXPECT_EQ(sample.n_prompt_tok, 203);
      EXPECT_EQ(sample.n_output_tok, 8);
    }
  }
  EXPECT_EQ(model.n_repeated, 0);
  EXPECT_EQ(model.n_prompts(), 2u + 3 * 42);
}

TEST(ServingTest, FiguresOfKnownTimes) {
  ServingRun run;
  run.start_ns = 0;
  run.end_ns = 10'000'000'000;
  for (int64_t i = 1; i <= 20; ++i) {
    ServingSample sample;
    sample.first_token_ns = i * 1'000'000;
    sample.token_ns = {i * 1'000'000, i * 1'000'000 + 3'000'000, i * 1'000'000 + 4'000'000};
    sample.end_ns = sample.token_ns.back();
    sample.n_output_tok = 3;
    sample.n_prompt_tok = 10;
    sample.n_cached_tok = 1;
    run.samples.push_back(sample);
  }
  ServingSample failed;
  failed.error = Error(ErrorCode::kIo, "gone");
  run.samples.push_back(failed);
  const ServingFigures figures = serving_figures({run});
  EXPECT_EQ(figures.n_ok, 20);
  EXPECT_EQ(figures.n_failed, 1);
  EXPECT_EQ(figures.n_cached_tok, 20);
  EXPECT_DOUBLE_EQ(figures.output_tokens_per_second, 6);
  EXPECT_DOUBLE_EQ(figures.requests_per_second, 2);
  EXPECT_NEAR(*figures.ttft.p50, 0.0105, 1e-12);
  EXPECT_TRUE(figures.ttft.p95.has_value());
  EXPECT_FALSE(figures.ttft.p99.has_value());  // not of 20
  ASSERT_TRUE(figures.ttft.p50_interval.has_value());
  EXPECT_LT(figures.ttft.p50_interval->low, 0.0105);
  EXPECT_GT(figures.ttft.p50_interval->high, 0.0105);
  EXPECT_NEAR(*figures.tpot.p50, 0.002, 1e-12);
  EXPECT_EQ(figures.itl.n, 40);
  EXPECT_NEAR(*figures.itl.mean, 0.002, 1e-12);
  EXPECT_FALSE(figures.output_rate_interval.has_value());
  EXPECT_TRUE(serving_figures({run, run, run}).output_rate_interval.has_value());
}

TEST(ServingTest, OpenLoopTimesFromWhenARequestWasDue) {
  Answering model;
  ServingLoad load{.rate = 2000, .n_requests = 50, .n_warmup = 0, .output_tokens = 2};
  const auto run = run_serving(model, load, 5, 0, nullptr, {});
  ASSERT_TRUE(run.ok()) << run.error().message();
  int64_t last = 0, n_gaps = 0;
  double sum = 0;
  for (const ServingSample& sample : run->samples) {
    EXPECT_GE(sample.first_token_ns, sample.due_ns);
    if (last > 0) {
      EXPECT_GE(sample.due_ns, last);
      sum += static_cast<double>(sample.due_ns - last) * 1e-9;
      ++n_gaps;
    }
    last = sample.due_ns;
  }
  // 49 exponential gaps of 0.5 ms: their mean is within 4 standard errors, whatever the machine
  // does.
  EXPECT_NEAR(sum / static_cast<double>(n_gaps), 1 / 2000.0, 4 / 2000.0 / 7);
}

}  // namespace
}  // namespace whet
