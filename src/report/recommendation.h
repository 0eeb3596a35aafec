// A recommendation derived from results: which model and strategy to use for which tasks and how
// much time, and the sentence that each cell rests on. Nothing here is known from elsewhere.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "report/report.h"

namespace whet::report {

/// A model with a strategy, or without one.
struct Choice {
  std::string model, strategy;
  Estimate accuracy;
  double seconds = 0;            // mean per task
  std::optional<double> tokens;  // prompt and completion, mean per task
  std::optional<double> seconds_per_correct, tokens_per_correct;  // none where nothing was right
  std::optional<double> token_seconds_per_correct;  // the same; tokens times seconds of each run
  bool on_front = false;  // no other choice is as accurate and faster, or as fast and better
};

enum class Advice { kUse, kTry, kSkip };
/// "use", "try", "skip".
std::string_view advice_name(Advice advice);

/// What to do with a model within a multiple of the baseline's time.
struct AdviceCell {
  std::string model;
  std::optional<double> most_time;  // over the baseline's; none = any
  Advice advice = Advice::kSkip;
  std::string strategy;  // of "use" and "try"; of "skip" the one that came nearest, "" = none
  std::optional<Estimate> gain, time_ratio;  // of that strategy, over the baseline
  std::string why;                           // with the numbers that decided
};

/// Of all results on the same tasks.
struct TaskAdvice {
  std::string tasks;            // "gsm8k-test.jsonl, 100 tasks"
  std::vector<Choice> choices;  // fastest first
  std::vector<AdviceCell> cells;
};

/// Results on the same task files, as many of them, are compared with each other. A row
/// "model=FILE" of a design, and every other variant that strategies ran on, is a model of its own:
/// its strategies are compared to its own baseline, and the first model's cells weigh it itself
/// like a strategy. Use: shown to pay, and still so if the p-value of that claim is taken times the
/// number of results that were looked at (Bonferroni; a verdict alone is corrected within its own
/// results). Try: not shown so and not ruled out, with a difference above zero, or none in less
/// time; skip: neither.
std::vector<TaskAdvice> recommend(const std::vector<Report>& reports);

}  // namespace whet::report
