#include "report/recommendation_text.h"

#include <gtest/gtest.h>

#include "report/text.h"

namespace whet::report {
namespace {

Estimate exactly(double value) {
  Estimate estimate;
  estimate.value = value;
  return estimate;
}

StrategyResult row(std::string name, StrategyKind kind, double accuracy, double seconds,
                   std::optional<VerdictLabel> label = {}, double gain = 0) {
  StrategyResult r;
  r.name = std::move(name);
  r.kind = kind;
  r.accuracy = exactly(accuracy);
  r.latency_s = results::Latency{exactly(seconds), {}, seconds};
  r.prompt_tokens.per_task = 50;
  r.completion_tokens.per_task = 100 * seconds;
  if (accuracy > 0) {
    r.per_correct = results::PerCorrect{(50 + 100 * seconds) / accuracy, seconds / accuracy,
                                        (50 + 100 * seconds) * seconds / accuracy};
  }
  if (label) {
    using results::Claim;
    r.verdict = results::Verdict{
        *label, Claim::kBetter, r.name + " because", {{Claim::kBetter, 0.001, 0.02}}, {}};
    r.difference_to_baseline = Difference{};
    r.difference_to_baseline->estimate.value = gain;
    r.cost_ratio_time = exactly(seconds);  // the baseline takes a second
  }
  return r;
}

Report report_of(const std::string& model, std::vector<StrategyResult> rows,
                 const std::string& tasks = "a.jsonl") {
  Report report;
  report.model.name = model;
  report.tasks.files = {{tasks, tasks, {}, 10}};
  report.tasks.n_tasks = 10;
  report.strategies = std::move(rows);
  return report;
}

constexpr auto kBase = StrategyKind::kBaseline;
constexpr auto kStrategy = StrategyKind::kStrategy;

TEST(Recommendation, SaysUseTryAndSkipByVerdictAndTime) {
  const auto all = recommend(
      {report_of("m", {row("base", kBase, 0.5, 1),
                       row("cheap", kStrategy, 0.52, 1.2, VerdictLabel::kCannotTell, 0.02),
                       row("middle", kStrategy, 0.5, 2, VerdictLabel::kDoesNotPay, -0.01),
                       row("dear", kStrategy, 0.7, 8, VerdictLabel::kPays, 0.2),
                       row("control", StrategyKind::kControl, 0.9, 0.1)}),
       report_of("n", {row("base", kBase, 0.6, 1.5),
                       row("worse", kStrategy, 0.55, 1.1, VerdictLabel::kCannotTell, -0.05)})});
  ASSERT_EQ(all.size(), 1u);
  ASSERT_EQ(all[0].cells.size(), 6u);
  EXPECT_EQ(all[0].cells[0].advice, Advice::kTry);
  EXPECT_EQ(all[0].cells[0].strategy, "cheap");
  EXPECT_EQ(all[0].cells[1].strategy, "cheap");
  EXPECT_EQ(all[0].cells[2].advice, Advice::kUse);
  EXPECT_EQ(all[0].cells[2].strategy, "dear");
  EXPECT_EQ(all[0].cells[2].why, "dear because");
  EXPECT_EQ(all[0].cells[3].advice, Advice::kSkip);
  EXPECT_NE(all[0].cells[3].why.find("1 could not be told"), std::string::npos);
  EXPECT_NE(all[0].cells[3].why.find("worse: worse because"), std::string::npos) << "the nearest";
  EXPECT_DOUBLE_EQ(all[0].cells[2].gain->value, 0.2);
  EXPECT_DOUBLE_EQ(all[0].cells[2].time_ratio->value, 8);
  const std::string text = recommendation_markdown(all);
  EXPECT_NE(text.find("| m | any | **use** | dear | +0.20 |"), std::string::npos) << text;
  EXPECT_NE(text.find("| m | to 3\u00d7 | **try** | cheap | +0.02 | 1.20\u00d7 | as above |"),
            std::string::npos)
      << text;
}

TEST(Recommendation, FitsATerminalAndSaysAReasonOnce) {
  Report first = report_of("", {row("base", kBase, 0.5, 1),
                                row("a strategy whose name is longer than a narrow terminal has "
                                    "room for, with options",
                                    kStrategy, 0.7, 1.2, VerdictLabel::kPays, 0.2)});
  first.model.path = "/models/first-q4_k_m.gguf";
  const Report second = report_of("n", {row("base", kBase, 0.6, 2)});
  const std::string text = recommendation_terminal(recommend({first, second}), 60);
  for (size_t begin = 0; begin < text.size();) {
    const size_t end = text.find('\n', begin);
    EXPECT_LE(display_width(text.substr(begin, end - begin)), 60) << text;
    begin = end + 1;
  }
  EXPECT_NE(text.find("A  first-q4_k_m\n"), std::string::npos) << text;
  EXPECT_NE(text.find("B  n\n"), std::string::npos) << text;
  EXPECT_NE(text.find("to 1.35\u00d7  use  a strategy"), std::string::npos) << text;
  EXPECT_NE(text.find("  B 0.60"), std::string::npos) << text;
  const size_t reason = text.find("because");
  ASSERT_NE(reason, std::string::npos) << text;
  EXPECT_EQ(text.find("because", reason + 1), std::string::npos) << text;
}

TEST(Recommendation, ChoicesThatDifferInTheirMiddleAreToldApart) {
  const std::string head(20, 'h'), tail(30, 't');
  const Report report =
      report_of("n", {row("base", kBase, 0.5, 1), row(head + "=2" + tail, kStrategy, 0.6, 2),
                      row(head + "=4" + tail, kStrategy, 0.7, 4)});
  const std::string text = recommendation_terminal(recommend({report}), 80);
  EXPECT_NE(text.find("2ttt"), std::string::npos) << text;
  EXPECT_NE(text.find("4ttt"), std::string::npos) << text;
}

TEST(Recommendation, SaysOfWhichSizeAModelIsAndWhatItMightWrite) {
  Report report = report_of("n", {row("base", kBase, 0.5, 1)});
  report.model.n_parameters = 494'000'000;
  report.sampling["temperature"] = "0.8";
  report.limits.max_tokens = 256;
  EXPECT_EQ(recommend({report})[0].cells[0].model,
            "n (0.49 B) at temperature 0.8, at most 256 tokens");
  report.model.n_parameters = 2'800'000;
  EXPECT_EQ(recommend({report})[0].cells[0].model,
            "n (2.8 M) at temperature 0.8, at most 256 tokens");
}

TEST(Recommendation, WhatIsAsRightInLessTimeIsWorthATry) {
  StrategyResult same = row("same", kStrategy, 0.5, 0.6, VerdictLabel::kCannotTell, 0);
  EXPECT_EQ(recommend({report_of("n", {row("base", kBase, 0.5, 1), same})})[0].cells[0].advice,
            Advice::kTry);
  same = row("same", kStrategy, 0.5, 1.2, VerdictLabel::kCannotTell, 0);
  EXPECT_EQ(recommend({report_of("n", {row("base", kBase, 0.5, 1), same})})[0].cells[0].advice,
            Advice::kSkip);
}

TEST(Recommendation, OfEqualTimesTheBetterIsOnTheFront) {
  const auto all =
      recommend({report_of("n", {row("base", kBase, 0.5, 1), row("a", kStrategy, 0.4, 1),
                                 row("b", kStrategy, 0.6, 1)})});
  for (const Choice& c : all[0].choices) EXPECT_EQ(c.on_front, c.strategy == "b") << c.strategy;
}

TEST(Recommendation, AnotherModelOfADesignIsOneOfItsOwn) {
  StrategyResult small =
      row("model=d/small.gguf", kStrategy, 0.4, 0.5, VerdictLabel::kCannotTell, -0.1);
  small.label = "model=small";
  StrategyResult vote = row("model=d/small.gguf/vote", kStrategy, 0.6, 1, VerdictLabel::kPays, 0.2);
  vote.label = "model=small/vote";
  vote.against = small.name;
  Report report =
      report_of("big", {row("base", kBase, 0.5, 1),
                        row("twice", kStrategy, 0.5, 2, VerdictLabel::kDoesNotPay), small, vote});
  for (StrategyResult& r : report.strategies) r.n_tasks = 4;
  const auto all = recommend({report});
  ASSERT_EQ(all.size(), 1u);
  ASSERT_EQ(all[0].cells.size(), 6u);
  EXPECT_EQ(all[0].cells[0].model, "big, 4 of 10 tasks graded");
  EXPECT_EQ(all[0].cells[0].strategy, "model=small")
      << "the nearest; not the vote on the small one";
  EXPECT_EQ(all[0].cells[0].advice, Advice::kSkip);
  EXPECT_EQ(all[0].cells[3].model, "small, 4 of 10 tasks graded");
  EXPECT_EQ(all[0].cells[3].strategy, "vote");
  EXPECT_EQ(all[0].cells[3].advice, Advice::kUse);
  std::vector<std::string> choices;
  for (const Choice& c : all[0].choices) choices.push_back(c.model + ": " + c.strategy);
  EXPECT_EQ(choices, (std::vector<std::string>{
                         "small, 4 of 10 tasks graded: base", "small, 4 of 10 tasks graded: vote",
                         "big, 4 of 10 tasks graded: base", "big, 4 of 10 tasks graded: twice"}));
}

TEST(Recommendation, AModelWithoutStrategiesIsAChoiceAndNoAdvice) {
  const auto all = recommend(
      {report_of("big", {row("base", kBase, 0.5, 1),
                         row("model=small/", kStrategy, 0.4, 0.5, VerdictLabel::kCannotTell, -0.1),
                         row("spec=none", kStrategy, 0.5, 2, VerdictLabel::kDoesNotPay)})});
  ASSERT_EQ(all[0].cells.size(), 3u);
  EXPECT_EQ(all[0].cells[0].strategy, "model=small/");
  std::vector<std::string> choices;
  for (const Choice& c : all[0].choices) choices.push_back(c.model + ": " + c.strategy);
  EXPECT_EQ(choices, (std::vector<std::string>{"small/: base", "big: base", "big: spec=none"}));
}

TEST(Recommendation, NoRowIsLostWhereADocumentHasNoBaseline) {
  StrategyResult stray = row("stray", kStrategy, 0.6, 2, VerdictLabel::kCannotTell, 0.1);
  stray.against = "a row that is not there";
  const auto all = recommend({report_of("m", {row("s", kStrategy, 0.5, 1), stray})});
  EXPECT_EQ(all[0].choices.size(), 2u);
  EXPECT_EQ(all[0].cells.size(), 3u);
  EXPECT_EQ(all[0].cells[2].strategy, "stray");
}

TEST(Recommendation, WhatPaysInOneOfManyResultsMayBeChance) {
  const Report pays =
      report_of("m", {row("base", kBase, 0.5, 1),
                      row("s", kStrategy, 0.7, 1.2, VerdictLabel::kPays, 0.2)});  // p is 0.02
  EXPECT_EQ(recommend({pays, pays})[0].cells[0].advice, Advice::kUse);
  const auto three = recommend({pays, pays, pays});
  EXPECT_EQ(three[0].cells[0].advice, Advice::kTry) << "0.06 for all three";
  EXPECT_EQ(three[0].cells[0].why,
            "s because Among 3 results that were looked at this may be chance.");
}

TEST(Recommendation, FilesOfOneNameAndOtherContentStayApart) {
  Report first = report_of("m", {row("base", kBase, 0.5, 1)});
  Report second = report_of("n", {row("base", kBase, 0.6, 1)});
  first.tasks.files[0].sha256 = second.tasks.files[0].sha256 = "5e";
  EXPECT_EQ(recommend({first, second}).size(), 1u);
  second.tasks.files[0].sha256 = "6f";
  EXPECT_EQ(recommend({first, second}).size(), 2u);
}

TEST(Recommendation, TheFrontHasWhatNothingBeats) {
  const auto all =
      recommend({report_of("m", {row("base", kBase, 0.5, 1), row("slow", kStrategy, 0.5, 3),
                                 row("good", kStrategy, 0.8, 4)}),
                 report_of("n", {row("base", kBase, 0.6, 2)}),
                 report_of("n", {row("base", kBase, 0.1, 2)}, "b.jsonl")});
  ASSERT_EQ(all.size(), 2u);  // other tasks are not compared
  std::vector<std::string> front;
  for (const Choice& c : all[0].choices) {
    if (c.on_front) front.push_back(c.model + " " + c.strategy);
  }
  EXPECT_EQ(front, (std::vector<std::string>{"m base", "n base", "m good"}));
  EXPECT_DOUBLE_EQ(*all[0].choices[0].seconds_per_correct, 2);
  EXPECT_DOUBLE_EQ(*all[0].choices[0].tokens_per_correct, 300);
  const std::string text = recommendation_markdown(all);
  EXPECT_NE(text.find("| * | m | good |"), std::string::npos) << text;
}

TEST(Recommendation, OfNothingRightThereIsNoPricePerRightAnswer) {
  const auto all = recommend({report_of("m", {row("base", kBase, 0, 1)})});
  EXPECT_FALSE(all[0].choices[0].seconds_per_correct);
  EXPECT_EQ(all[0].cells[0].why, "no strategy that was measured keeps within this time");
}

}  // namespace
}  // namespace whet::report
