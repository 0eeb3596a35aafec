#include "report/report.h"

#include <gtest/gtest.h>

#include "report/summary.h"
#include "report/testdata/sample.h"

namespace whet::report {
namespace {

TEST(Report, IsTheSample) {
  const Report doc = sample();
  ASSERT_EQ(doc.strategies.size(), 8u);
  EXPECT_EQ(doc.strategies[0].kind, StrategyKind::kBaseline);
  EXPECT_FALSE(doc.strategies[0].difference_to_baseline);
  EXPECT_FALSE(doc.strategies[1].peak_rss_bytes);
  EXPECT_EQ(doc.strategies[3].verdict->label, VerdictLabel::kPays);
  EXPECT_EQ(doc.strategies[3].difference_to_control->control, "baseline_same_time");
  EXPECT_EQ(doc.strategies[7].kind, StrategyKind::kControl);
  EXPECT_EQ(doc.families.size(), 4u);
  EXPECT_EQ(doc.traces.size(), 24u);
  const bool correct = sample_json()["events"][0]["grade"]["status"] == "correct";
  const auto first = std::find_if(doc.traces.begin(), doc.traces.end(),
                                  [](const Trace& trace) { return trace.sequence == 0; });
  EXPECT_EQ(first->correct(), correct);
}

TEST(Report, EveryFieldButSchemaAndNamesMayBeMissing) {
  const Report doc = parsed({{"schema", "whet-results/1"}, {"strategies", {{{"name", "a"}}}}});
  ASSERT_EQ(doc.strategies.size(), 1u);
  EXPECT_EQ(doc.strategies[0].title(), "a");
  EXPECT_TRUE(facts_of(doc).empty());
}

TEST(Report, TextsAreClean) {
  const Report doc = parsed(hostile_json("a\x1b]\nb\u202e"));
  EXPECT_EQ(doc.title, "a ] b ");
  EXPECT_EQ(doc.strategies[0].label, "a ] b ");
  EXPECT_EQ(doc.families[0], "a ] b ");
  EXPECT_EQ(doc.traces[0].family, "a ] b ");
  EXPECT_EQ(doc.traces[0].candidates[0].text, "a ]\nb ") << "its lines stay";
}

TEST(Report, TracesOfAnotherModelAreHeldAgainstItsOwnBaseline) {
  results::Document document;
  document.design.baseline = "base";
  for (const char* name : {"base", "s", "big", "big/s"}) {
    results::StrategyResult row;
    row.name = name;
    if (row.name == "big/s") row.against = "big";
    document.strategies.push_back(row);
    results::Event event;
    event.strategy = name;
    event.task = "t";
    event.grade =
        row.name.starts_with("big") ? eval::GradeStatus::kCorrect : eval::GradeStatus::kWrong;
    document.events.push_back(event);
  }
  const Report report = make_report(document);
  for (const Trace& trace : report.traces) {
    EXPECT_EQ(trace.differs_from_baseline, trace.strategy == "big") << trace.strategy;
  }
  EXPECT_NE(table_legend(report).find("A row X/STRATEGY"), std::string::npos);
}

TEST(Report, TracesShowDisagreementsAndSomeOfEachFamilyFirst) {
  results::Document document;
  document.design.baseline = "base";
  // Ten tasks of each family; the strategy differs on the last one of "a" and the last two of "b".
  for (const std::string strategy : {"base", "s"}) {
    for (int i = 0; i < 20; ++i) {
      const bool differs = strategy == "s" && (i == 9 || i >= 18);
      results::Event event;
      event.strategy = strategy;
      event.task = "t" + std::to_string(i);
      event.family = i < 10 ? "a" : "b";
      event.seed = 1;
      event.grade = differs ? eval::GradeStatus::kCorrect : eval::GradeStatus::kWrong;
      document.events.push_back(event);
    }
  }
  document.events.push_back(document.events.front());
  document.events.back().warmup = true;
  const Report report = make_report(document, {.max_per_strategy = 5});
  std::vector<std::string> of_base, of_s;
  for (const Trace& trace : report.traces)
    (trace.strategy == "s" ? of_s : of_base).push_back(trace.task);
  const std::vector<std::string> expected = {"t9", "t18", "t0", "t10", "t19"};
  EXPECT_EQ(of_s, expected);
  EXPECT_EQ(of_base, expected) << "the same tasks, to compare";
  EXPECT_EQ(make_report(document, {.max_per_strategy = -1}).traces.size(), 40u);
}

}  // namespace
}  // namespace whet::report
