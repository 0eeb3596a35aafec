#include "experiment/metrics.h"

#include <gtest/gtest.h>

#include <cmath>

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

Row row(std::string name, StrategyKind kind, std::vector<std::string> controls = {}) {
  return {std::move(name), "", kind, std::move(controls), "", {}};
}

MetricOptions options() {
  MetricOptions out;
  out.baseline = "base";
  out.families = {"even", "odd"};
  out.bootstrap.n_resamples = 500;
  return out;
}

std::vector<Row> rows() {
  return {row("base", StrategyKind::kBaseline), row("s", StrategyKind::kStrategy),
          row("control(s)", StrategyKind::kControl, {"s"})};
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

TEST(Metrics, GroupsHaveADesignEffect) {
  std::vector<Event> events = clear_win();
  EXPECT_FALSE(summarise(rows(), events, options())[1].design_effect) << "each on its own";
  // Tasks 4k to 4k + 3: the baseline is right on one of each group, so groups tell more than tasks.
  for (Event& e : events) e.group = std::to_string(std::stoi(e.task.substr(1)) / 4);
  EXPECT_DOUBLE_EQ(*summarise(rows(), events, options())[0].design_effect, 0);
  // Every fourth task: all of a group come out alike, and four tasks count as one.
  for (Event& e : events) e.group = std::to_string(std::stoi(e.task.substr(1)) % 4);
  const auto alike = summarise(rows(), events, options());
  EXPECT_NEAR(*alike[0].design_effect, 5 * (4.0 / 3) / (20.0 / 19), 1e-9);
  EXPECT_NEAR(*alike[1].design_effect, *alike[0].design_effect, 1e-9) << "1 - the baseline's";
}

TEST(Metrics, CountsAndAveragesByHand) {
  const auto summaries = summarise(rows(), clear_win(), options());
  ASSERT_EQ(summaries.size(), 3u);
  const StrategyResult& base = summaries[0];
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

  const StrategyResult& s = summaries[1];
  EXPECT_DOUBLE_EQ(s.difference_to_baseline->estimate.value, 0.75);
  EXPECT_DOUBLE_EQ(s.difference_to_control->estimate.value, 0.75);
  EXPECT_EQ(s.difference_to_control->control, "control(s)");
  EXPECT_NEAR(s.cost_ratio_time->value, 3, 1e-9);
  EXPECT_NEAR(s.cost_ratio_tokens->value, 140.0 / 110, 1e-9);
  EXPECT_NEAR(s.generation_tok_s->value, 40.0 / 3, 1e-9);
  EXPECT_NEAR(s.total_ratio_time->value, 3, 1e-9);
  ASSERT_TRUE(s.verdict);
  EXPECT_EQ(s.verdict->label, VerdictLabel::kPays) << s.verdict->reason;
  EXPECT_FALSE(summaries[2].verdict);
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
  const StrategyResult& s = summaries[1];
  EXPECT_EQ(s.n_runs, 42);
  EXPECT_EQ(s.n_graded, 40);
  EXPECT_DOUBLE_EQ(s.accuracy->value, 1.0);
  ASSERT_EQ(s.not_graded.size(), 2u);
  EXPECT_EQ(s.not_graded[0].reason, "no sandbox") << "of as many, in the order of the alphabet";
  EXPECT_EQ(s.not_graded[1].reason, "prompt too long");
  EXPECT_DOUBLE_EQ(*s.latency_s->mean, 3) << "an error has no latency";
}

TEST(Metrics, OfNothingAreMissingNotZero) {
  const auto summaries = summarise(rows(), {}, options());
  for (const StrategyResult& summary : summaries) {
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

/// One run per task: right on the first `n_right` of `n_tasks`.
void add_row(std::vector<Event>& events, const std::string& name, int n_tasks, int n_right) {
  for (int task = 0; task < n_tasks; ++task) {
    events.push_back(event(name, task, 0, task < n_right ? kRight : kWrong, 3, 40));
  }
}

TEST(Metrics, AVerdictCountsHowManyStrategiesWereTried) {
  std::vector<Event> events;
  std::vector<Row> few = {row("base", StrategyKind::kBaseline), row("s", StrategyKind::kStrategy)};
  add_row(events, "base", 40, 16);
  add_row(events, "s", 40, 24);
  EXPECT_EQ(summarise(few, events, options())[1].verdict->label, VerdictLabel::kPays);
  std::vector<Row> many = few;
  for (const char* name : {"u", "v", "w", "x", "y", "z"}) {
    many.push_back(row(name, StrategyKind::kStrategy));
    add_row(events, name, 40, 16);
  }
  const Verdict verdict = *summarise(many, events, options())[1].verdict;
  EXPECT_EQ(verdict.label, VerdictLabel::kCannotTell);
  EXPECT_NE(verdict.reason.find("several comparisons"), std::string::npos) << verdict.reason;
  for (const ClaimTest& test : verdict.claims)
    EXPECT_GE(test.p_adjusted, std::min(1.0, test.p * 4));
}

TEST(Metrics, AControlIsComparedWithItsOwnRow) {
  std::vector<Event> events;
  add_row(events, "base", 40, 10);
  add_row(events, "s", 40, 30);
  add_row(events, "control(s)", 40, 28);
  const auto summaries = summarise(rows(), events, options());
  EXPECT_DOUBLE_EQ(summaries[1].difference_to_baseline->estimate.value, 0.5);
  EXPECT_DOUBLE_EQ(summaries[1].difference_to_control->estimate.value, 0.05);
  EXPECT_EQ(summaries[1].verdict->label, VerdictLabel::kCannotTell)
      << "the same time buys nearly as much: " << summaries[1].verdict->reason;
}

TEST(Metrics, TheCostIsTheGeometricMeanAndTheTotalStandsBesideIt) {
  std::vector<Event> events;
  for (int task = 0; task < 4; ++task) {
    const bool is_long = task % 2 == 0;
    events.push_back(event("base", task, 0, kRight, is_long ? 10 : 1, 10));
    events.push_back(event("s", task, 0, kRight, is_long ? 10 : 4, is_long ? 10 : 120));
  }
  const auto summaries = summarise(rows(), events, options());
  EXPECT_NEAR(summaries[1].cost_ratio_time->value, 2, 1e-9);  // sqrt(1 * 4)
  EXPECT_NEAR(summaries[1].total_ratio_time->value, 28.0 / 22, 1e-9);
  EXPECT_NEAR(summaries[1].cost_ratio_tokens->value, std::sqrt(2.0), 1e-9);
  EXPECT_NEAR(summaries[1].total_ratio_tokens->value, 660.0 / 440, 1e-9);
}

Event cut(Event event) {
  Candidate candidate;
  candidate.chosen = true;
  candidate.finish = "length";
  event.candidates.push_back(candidate);
  return event;
}

TEST(Metrics, AnswersThatWereCutWithholdAVerdictThatTheyCouldDecide) {
  std::vector<Event> events;
  for (int task = 0; task < 40; ++task) {
    const Event base = event("base", task, 0, task < 10 ? kRight : kWrong);
    events.push_back(task < 30 ? cut(base) : base);  // 20 of 30 cut answers are wrong
    events.push_back(event("s", task, 0, task < 25 ? kRight : kWrong, 3));
  }
  const std::vector<Row> two = {row("base", StrategyKind::kBaseline),
                                row("s", StrategyKind::kStrategy)};
  const auto summaries = summarise(two, events, options());
  EXPECT_EQ(summaries[0].n_cut, 20);
  EXPECT_EQ(summaries[1].n_cut, 0);
  EXPECT_EQ(summaries[1].verdict->label, VerdictLabel::kCannotTell);
  EXPECT_NE(summaries[1].verdict->reason.find("20 of 40 baseline runs"), std::string::npos)
      << summaries[1].verdict->reason;
  for (Event& event : events) event.candidates.clear();
  EXPECT_EQ(summarise(two, events, options())[1].verdict->label, VerdictLabel::kPays)
      << "the same grades without a cut decide";
}

TEST(Metrics, ADrawThatTheControlsTimeCutIsNoOpenRun) {
  Event control = cut(event("control(s)", 0, 0, kWrong));
  control.candidates[0].finish = "time";
  control.time_budget_ns = 1000;
  EXPECT_EQ(summarise(rows(), {control}, options())[2].n_cut, 0);
  control.time_budget_ns.reset();
  EXPECT_EQ(summarise(rows(), {control}, options())[2].n_cut, 1);
}

TEST(Metrics, AveragesWhatElseTheMachineDid) {
  std::vector<Event> events = {event("s", 0, 0, kRight, 1), event("s", 1, 0, kRight, 3)};
  EXPECT_FALSE(summarise(rows(), events, options())[1].other_cpus);
  events[0].other_cpu_ns = 2'000'000'000;
  events[1].other_cpu_ns = 0;
  events[0].stolen_cpu_ns = -10;  // ticks are coarse: a difference may be a little below 0
  events[1].stolen_cpu_ns = 0;
  const auto summaries = summarise(rows(), events, options());
  EXPECT_DOUBLE_EQ(*summaries[1].other_cpus, 0.5);
  EXPECT_DOUBLE_EQ(*summaries[1].stolen_cpus, 0);
}

TEST(Metrics, CountsWhatARightAnswerCosts) {
  std::vector<Event> events = {event("s", 0, 0, kRight, 2, 20), event("s", 1, 0, kWrong, 1, 50),
                               event("s", 2, 0, kRight, 3, 100), event("s", 3, 0, kNot, 9, 900)};
  const auto costs = summarise(rows(), events, options())[1].per_correct;
  ASSERT_TRUE(costs);
  EXPECT_DOUBLE_EQ(*costs->tokens, (120 + 150 + 200) / 2.0) << "of the graded runs";
  EXPECT_DOUBLE_EQ(*costs->seconds, 3);
  EXPECT_DOUBLE_EQ(*costs->token_seconds, (120 * 2 + 150 * 1 + 200 * 3) / 2.0);
  EXPECT_FALSE(summarise(rows(), {event("s", 0, 0, kWrong)}, options())[1].per_correct);
}

TEST(Metrics, SplitsTheSpreadBetweenTasksAndSeeds) {
  // The strategy wins one task with every seed, and one with every second; the baseline none.
  std::vector<Event> events;
  for (int task = 0; task < 4; ++task) {
    for (uint64_t seed = 0; seed < 2; ++seed) {
      const bool wins = task == 0 || (task == 1 && seed == 0);
      events.push_back(event("base", task, seed, kWrong));
      events.push_back(event("s", task, seed, wins ? kRight : kWrong));
    }
  }
  const auto summaries = summarise(rows(), events, options());
  ASSERT_TRUE(summaries[1].spread);
  // Within: variances 0, 1/2, 0, 0. Of the means 1, 1/2, 0, 0: 11/48, less (1/8) / 2.
  EXPECT_NEAR(summaries[1].spread->between_seeds, std::sqrt(1.0 / 8), 1e-12);
  EXPECT_NEAR(summaries[1].spread->between_tasks, std::sqrt(11.0 / 48 - 1.0 / 16), 1e-12);
  EXPECT_NEAR(summaries[1].spread->seeds_share, (1.0 / 16) / (11.0 / 48), 1e-12);
  EXPECT_DOUBLE_EQ(summaries[0].spread->between_tasks, 0);
  EXPECT_FALSE(
      summarise(rows(), {event("s", 0, 0, kRight), event("s", 1, 0, kWrong)}, options())[1].spread)
      << "one seed";
}

TEST(Metrics, SplitsTheSpreadOfWordingsToo) {
  // The strategy wins in one wording and not in the other; one task only with every second seed.
  std::vector<Event> events;
  for (int task = 0; task < 4; ++task) {
    for (const char* wording : {"plain", "brief"}) {
      for (uint64_t seed = 0; seed < 2; ++seed) {
        const bool wins = wording == std::string("brief") && (task > 0 || seed == 0);
        for (const char* row : {"base", "s"}) {
          events.push_back(event(row, task, seed, row[0] == 's' && wins ? kRight : kWrong));
          events.back().task += std::string("@") + wording;
        }
      }
    }
  }
  MetricOptions of = options();
  of.wordings = {"plain", "brief"};
  const auto spread = summarise(rows(), events, of)[1].spread;
  ASSERT_TRUE(spread);
  // Of eight cells one has a variance, 1/2. Means of the wordings 0 and 7/8; those of the tasks
  // 1/4 and three times 1/2, so the rests are 3/16 in the first task and 1/16 in the others.
  const double cell = 2 * (9 + 3 * 1) / 256.0 / 3;
  EXPECT_NEAR(spread->between_seeds, std::sqrt(1.0 / 16), 1e-12);
  EXPECT_NEAR(*spread->between_wordings, std::sqrt(49.0 / 128 - cell / 4), 1e-12);
  EXPECT_NEAR(*spread->wordings_by_task, 0, 1e-7);
  EXPECT_NEAR(spread->between_tasks, 0, 1e-7);
  EXPECT_GT(*spread->wordings_share, 0.9);
  EXPECT_LT(spread->seeds_share, 0.1);
  EXPECT_FALSE(summarise(rows(), events, options())[1].spread->between_wordings);
}

TEST(Metrics, MoreWorkInLessTimeIsFound) {
  std::vector<Event> events;
  const auto add = [&](const std::string& name, int task, double seconds, size_t n) {
    Event e = event(name, task, 0, kRight, seconds);
    for (size_t i = 0; i < n; ++i) {
      e.candidates.emplace_back();
      e.candidates.back().text = i == 0 ? "the same" : "another";
    }
    events.push_back(std::move(e));
  };
  for (int task = 0; task < 3; ++task) {
    add("base", task, 2, 1);
    add("s", task, 1, 3);
  }
  auto summaries = summarise(rows(), events, options());
  ASSERT_TRUE(summaries[1].faster_than_possible);
  EXPECT_DOUBLE_EQ(*summaries[1].faster_than_possible, 0.5);
  for (Event& e : events) e.candidates[0].text += e.strategy;
  EXPECT_FALSE(summarise(rows(), events, options())[1].faster_than_possible)
      << "other texts may be shorter";
}

TEST(Metrics, CountsRunsWithAStageLeftOut) {
  std::vector<Event> events = {event("s", 0, 0, kRight), event("s", 1, 0, kRight)};
  events[1].skipped = {{"critique", "prompt longer than the context"},
                       {"final", "prompt longer than the context"}};
  events[0].core_clock = 1e9;
  events[1].core_clock = 2e9;
  const auto summary = summarise(rows(), events, options())[1];
  EXPECT_EQ(summary.n_skipped, 1) << "runs, not stages";
  EXPECT_DOUBLE_EQ(*summary.core_clock, 1.5e9);
}

TEST(Metrics, AveragesReferenceMetricsOverTasksThatHaveThem) {
  std::vector<Event> events = {event("s", 0, 0, kNot), event("s", 0, 1, kNot),
                               event("s", 1, 0, kNot), event("s", 2, 0, kRight)};
  events[0].metrics = {{"rouge1", 0.5}, {"rougeL", 0.4}};
  events[1].metrics = {{"rouge1", 0.7}, {"rougeL", 0.4}};
  events[2].metrics = {{"rouge1", 0.2}, {"rougeL", 0.1}};
  const auto means = summarise(rows(), events, options())[1].reference_metrics;
  ASSERT_EQ(means.size(), 2u);
  EXPECT_EQ(means[0].metric, "rouge1");
  EXPECT_DOUBLE_EQ(means[0].mean->value, 0.4);  // of 0.6 and 0.2: tasks weigh the same
  EXPECT_DOUBLE_EQ(means[1].mean->value, 0.25);
  EXPECT_TRUE(summarise(rows(), events, options())[0].reference_metrics.empty());
}

TEST(Metrics, ScoresCandidatesAgainstTheirGrades) {
  std::vector<Event> events;
  for (int task = 0; task < 10; ++task) {
    Event e = event("s", task, 0, task < 5 ? kRight : kWrong);
    for (int i = 0; i < 4; ++i) {
      Candidate candidate;
      candidate.score = i;
      candidate.correct = i >= 2;  // the score ranks perfectly
      candidate.finish = "stop";
      e.candidates.push_back(candidate);
    }
    e.candidates[3].chosen = true;
    if (task == 0) e.candidates[3].finish = "length";
    events.push_back(std::move(e));
  }
  const auto summaries = summarise({row("s", StrategyKind::kStrategy)}, events, options());
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
  const auto summaries = summarise({row("s", StrategyKind::kStrategy)}, events, options());
  EXPECT_EQ(summaries[0].peak_rss_bytes, 70);
  EXPECT_EQ(summaries[0].kv_bytes, 9);
}

}  // namespace
}  // namespace whet::experiment
