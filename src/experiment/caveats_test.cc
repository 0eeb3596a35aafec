#include "experiment/caveats.h"

#include <gtest/gtest.h>

namespace whet::experiment {
namespace {

StrategyResult summary(const std::string& name, StrategyKind kind) {
  StrategyResult out;
  out.name = name;
  out.kind = kind;
  out.n_runs = 40;
  out.accuracy = stats::Estimate{0.5, std::nullopt, 0.95, "", 40};
  return out;
}

struct Case {
  Plan plan;
  RunStatus status;
  std::vector<StrategyResult> summaries = {summary("baseline", StrategyKind::kBaseline),
                                           summary("re2", StrategyKind::kStrategy)};
  std::vector<std::string> notes() const { return caveats(plan, status, summaries, 2); }
};

Case quiet() {
  Case out;
  out.status.complete = true;
  out.plan.max_tokens = 16;
  return out;
}

TEST(Caveats, OfAQuietCompleteRunAreNone) {
  EXPECT_TRUE(quiet().notes().empty());
}

TEST(Caveats, CutAnswersComeFirst) {
  Case run = quiet();
  run.plan.raw_prompt = true;
  run.plan.model.chat_template = "none";
  run.status.load_average = 3;
  run.summaries[0].n_cut = 4;
  run.summaries[1].n_cut = 7;
  const auto notes = run.notes();
  ASSERT_EQ(notes.size(), 4u);
  EXPECT_EQ(notes[0],
            "4 of 40 baseline answers were cut at --max-tokens 16 and count as wrong; its accuracy "
            "is a lower bound.");
  EXPECT_EQ(notes[1], "Answers cut at --max-tokens 16 that count as wrong: re2 7 of 40.");
  EXPECT_EQ(notes[2], "This model has no chat template; prompts went in raw.");
  EXPECT_EQ(notes[3],
            "The machine was busy before the run (load 3.00 on 2 CPUs): times are doubtful.");
}

TEST(Caveats, AFloorAndACeilingAreNamed) {
  Case run = quiet();
  run.summaries[0].accuracy->value = 0;
  EXPECT_NE(run.notes().at(0).find("too hard"), std::string::npos);
  run.summaries[0].accuracy->value = 0.99;
  EXPECT_NE(run.notes().at(0).find("no room"), std::string::npos);
}

TEST(Caveats, RowsThatMetDifferentMachinesAreNamed) {
  Case run = quiet();
  run.summaries[0].other_cpus = 0.1;
  run.summaries[1].other_cpus = 0.3;
  EXPECT_TRUE(run.notes().empty());
  run.summaries[1].other_cpus = 0.9;
  EXPECT_EQ(run.notes(),
            std::vector<std::string>{"The rows did not meet the same machine: other programs took "
                                     "0.10 CPUs during baseline, 0.90 during re2."});
  run.summaries[1].stolen_cpus = 0.2;
  EXPECT_EQ(run.notes().back(),
            "The hypervisor took up to 0.20 of 2 CPUs (during re2): times are doubtful.");
}

TEST(Caveats, TimesThatCannotBeAreNamed) {
  Case run = quiet();
  run.summaries[1].faster_than_possible = 0.4;
  EXPECT_NE(run.notes().at(0).find("re2 drew the baseline's own text, and more, in 0.40"),
            std::string::npos);
}

TEST(Caveats, ALowerClockOfOneRowIsNamed) {
  Case run = quiet();
  run.summaries[0].core_clock = 1e9;
  run.summaries[1].core_clock = 0.98e9;
  EXPECT_TRUE(run.notes().empty());
  run.summaries[1].core_clock = 0.9e9;
  EXPECT_EQ(run.notes(),
            std::vector<std::string>{
                "The core's clock was 10 % lower during re2 than during baseline: times are "
                "doubtful."});
}

TEST(Caveats, LooksAreNamed) {
  Case run = quiet();
  run.status.looks = {40};
  EXPECT_TRUE(run.notes().empty()) << "at the end only";
  run.status.n_planned = 40;
  run.status.looks = {20, 40};
  EXPECT_NE(run.notes().at(0).find("2 times, after 20, 40 runs"), std::string::npos);
  EXPECT_NE(run.notes().at(0).find("tested at 0.0190, what the looks before leave of 0.05"),
            std::string::npos);
}

TEST(Caveats, GroupsOfTasksAreNamed) {
  Case run = quiet();
  run.plan.tasks.resize(5);
  run.plan.tasks[0].group = "a";
  run.plan.tasks[1].group = "b";
  EXPECT_TRUE(run.notes().empty()) << "each on its own";
  run.plan.tasks[2].group = "b";
  EXPECT_EQ(run.notes(), std::vector<std::string>{
                             "3 of 5 tasks stand in 2 groups that are drawn together: intervals "
                             "and verdicts are by group."});
}

TEST(Caveats, AnUnfinishedRunIsProvisional) {
  Case run = quiet();
  run.status.complete = false;
  run.status.n_planned = 40;
  run.status.looks = {20};
  EXPECT_NE(run.notes().at(0).find("provisional, and tested at 0.0310 of 0.05"), std::string::npos);
}

}  // namespace
}  // namespace whet::experiment
