#include "experiment/metrics.h"

#include <gtest/gtest.h>

namespace whet::experiment {
namespace {

Event event(const std::string& strategy, int task, uint64_t seed, eval::GradeStatus grade,
            double seconds = 1, int64_t n_tok = 10) {
  Event e;
  e.strategy = strategy;
  e.task = "t" + std::to_string(task);
  e.family = task % 2 == 0 ? "even" : "odd";
  e.seed = seed;
  e.start_ns = 5'000'000'000;
  e.end_ns = e.start_ns + static_cast<int64_t>(seconds * 1e9);
  e.prompt_tokens = 100;
  e.completion_tokens = n_tok;
  e.n_calls = 1;
  e.grade = grade;
  return e;
}

constexpr auto kRight = eval::GradeStatus::kCorrect;
constexpr auto kWrong = eval::GradeStatus::kWrong;
constexpr auto kNot = eval::GradeStatus::kNotGraded;

Row row(std::string name, std::string kind, std::vector<std::string> controls = {}) {
  return {std::move(name), std::nullopt, std::move(kind), std::move(controls), "", {}};
}

MetricOptions options() {
  MetricOptions out;
  out.baseline = "base";
  out.families = {"even", "odd"};
  out.bootstrap.n_resamples = 500;
  return out;
}

std::vector<Row> rows() {
  return {row("base", "baseline"), row("s", "strategy"), row("control(s)", "control", {"s"})};
}

/// 20 tasks, 2 seeds: the baseline is right on a quarter, the strategy everywhere at 3x the time.
std::vector<Event> clear_win() {
  std::vector<Event> events;
  for (int task = 0; task < 20; ++task) {
    for (uint64_t seed : {0, 1}) {
      events.push_back(event("base", task, seed, task % 4 == 0 ? kRight : kWrong, 1, 10));
      events.push_back(event("s", task, seed, kRight, 3, 40));
      events.push_back(event("control(s)", task, seed, task % 4 == 0 ? kRight : kWrong, 3, 30));
    }
  }
  return events;
}

TEST(Metrics, CountsAndAveragesByHand) {
  const auto summaries = summarise(rows(), clear_win(), options());
  ASSERT_EQ(summaries.size(), 3u);
  const Summary& base = summaries[0];
  EXPECT_EQ(base.n_tasks, 20);
  EXPECT_EQ(base.n_runs, 40);
  EXPECT_EQ(base.n_graded, 40);
  EXPECT_EQ(base.n_correct, 10);
  EXPECT_DOUBLE_EQ(base.accuracy->value, 0.25);
  EXPECT_FALSE(base.difference_to_baseline);
  EXPECT_FALSE(base.cost_ratio_time);
  EXPECT_FALSE(base.verdict);
  EXPECT_EQ(base.prompt_tokens.total, 4000);
  EXPECT_DOUBLE_EQ(*base.prompt_tokens.per_task, 100);
  EXPECT_DOUBLE_EQ(base.latency_s->median.value, 1);
  EXPECT_DOUBLE_EQ(base.generation_tok_s->value, 10);
  EXPECT_FALSE(base.first_token_s);
  EXPECT_FALSE(base.peak_rss_bytes);

  const Summary& s = summaries[1];
  EXPECT_DOUBLE_EQ(s.difference_to_baseline->estimate.value, 0.75);
  EXPECT_DOUBLE_EQ(s.difference_to_control->estimate.value, 0.75);
  EXPECT_EQ(s.control, "control(s)");
  EXPECT_NEAR(s.cost_ratio_time->value, 3, 1e-9);
  EXPECT_NEAR(s.cost_ratio_tokens->value, 140.0 / 110, 1e-9);
  EXPECT_NEAR(s.generation_tok_s->value, 40.0 / 3, 1e-9);
  ASSERT_TRUE(s.p_adjusted);
  EXPECT_DOUBLE_EQ(*s.p_adjusted, *s.difference_to_baseline->p);
  ASSERT_TRUE(s.verdict);
  EXPECT_EQ(s.verdict->label, VerdictLabel::kPays) << s.verdict->reason;
  EXPECT_FALSE(summaries[2].verdict);
  EXPECT_FALSE(summaries[2].p_adjusted) << "controls are not part of the correction";
}

TEST(Metrics, BreaksDownByFamily) {
  const auto summaries = summarise(rows(), clear_win(), options());
  ASSERT_EQ(summaries[0].families.size(), 2u);
  EXPECT_EQ(summaries[0].families[0].family, "even");
  EXPECT_DOUBLE_EQ(summaries[0].families[0].accuracy->value, 0.5);
  EXPECT_DOUBLE_EQ(summaries[0].families[1].accuracy->value, 0.0);
  EXPECT_DOUBLE_EQ(summaries[1].families[1].difference_to_baseline->estimate.value, 1.0);
}

TEST(Metrics, LeavesOutWarmUpsUngradedRunsAndErrors) {
  auto events = clear_win();
  for (int i = 0; i < 5; ++i) {
    events.push_back(event("base", 0, 9, kRight, 100, 1000));
    events.back().warmup = true;
  }
  events.push_back(event("s", 20, 0, kNot, 3, 40));
  events.back().grade_detail = "no sandbox";
  events.push_back(event("s", 21, 0, kNot, 500, 0));
  events.back().error = "prompt too long";
  const auto summaries = summarise(rows(), events, options());
  EXPECT_EQ(summaries[0].n_runs, 40);
  EXPECT_DOUBLE_EQ(summaries[0].latency_s->mean.value(), 1);
  const Summary& s = summaries[1];
  EXPECT_EQ(s.n_runs, 42);
  EXPECT_EQ(s.n_graded, 40);
  EXPECT_DOUBLE_EQ(s.accuracy->value, 1.0);
  EXPECT_EQ(s.not_graded.size(), 2u);
  EXPECT_DOUBLE_EQ(*s.latency_s->mean, 3) << "an error has no latency";
}

TEST(Metrics, OfNothingAreMissingNotZero) {
  const auto summaries = summarise(rows(), {}, options());
  for (const Summary& summary : summaries) {
    EXPECT_EQ(summary.n_runs, 0);
    EXPECT_FALSE(summary.accuracy);
    EXPECT_FALSE(summary.latency_s);
    EXPECT_FALSE(summary.generation_tok_s);
    EXPECT_FALSE(summary.difference_to_baseline);
    EXPECT_FALSE(summary.prompt_tokens.per_task);
    EXPECT_FALSE(summary.scores);
  }
  EXPECT_EQ(summaries[1].verdict->label, VerdictLabel::kCannotTell);
}

TEST(Metrics, CorrectsForTheNumberOfStrategies) {
  auto events = clear_win();
  std::vector<Row> more = {row("base", "baseline"), row("s", "strategy"), row("z", "strategy")};
  for (int task = 0; task < 20; ++task) {
    events.push_back(event("z", task, 0, task < 8 ? kRight : kWrong, 3, 40));
  }
  const auto summaries = summarise(more, events, options());
  EXPECT_GT(*summaries[1].p_adjusted, *summaries[1].difference_to_baseline->p);
}

TEST(Metrics, ScoresCandidatesAgainstTheirGrades) {
  std::vector<Event> events;
  for (int task = 0; task < 10; ++task) {
    Event e = event("s", task, 0, task < 5 ? kRight : kWrong);
    for (int i = 0; i < 4; ++i) {
      EventCandidate candidate;
      candidate.score = i;
      candidate.correct = i >= 2;  // the score ranks perfectly
      candidate.finish = "stop";
      e.candidates.push_back(candidate);
    }
    e.candidates[3].chosen = true;
    if (task == 0) e.candidates[3].finish = "length";
    events.push_back(std::move(e));
  }
  const auto summaries = summarise({row("s", "strategy")}, events, options());
  ASSERT_TRUE(summaries[0].scores);
  EXPECT_EQ(summaries[0].scores->n_candidates, 40);
  EXPECT_DOUBLE_EQ(summaries[0].scores->auroc->value, 1.0);
  EXPECT_DOUBLE_EQ(summaries[0].scores->oracle_accuracy->value, 1.0);
  EXPECT_DOUBLE_EQ(summaries[0].accuracy->value, 0.5);
  EXPECT_EQ(summaries[0].n_truncated, 1);
}

TEST(Metrics, KeepTheHighestMemory) {
  std::vector<Event> events = {event("s", 0, 0, kRight), event("s", 1, 0, kRight)};
  events[0].peak_rss_bytes = 70;
  events[1].peak_rss_bytes = 50;
  events[1].kv_bytes = 9;
  const auto summaries = summarise({row("s", "strategy")}, events, options());
  EXPECT_EQ(summaries[0].peak_rss_bytes, 70);
  EXPECT_EQ(summaries[0].kv_bytes, 9);
}

}  // namespace
}  // namespace whet::experiment
