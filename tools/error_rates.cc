// Prints, as Markdown, the three tables of docs/verdicts.md that say how far whet's statements can
// be trusted: false verdicts in simulated experiments, and coverage of the intervals of an accuracy
// and of a gain.
// Build: cmake --build --preset dev --target whet_error_rates; run it without arguments (minutes).
#include <fmt/format.h>

#include <cmath>

#include "experiment/simulated_comparison.h"
#include "stats/simulated_accuracy.h"
#include "stats/simulated_gain.h"

using namespace whet;

int main() {
  constexpr int kExperiments = 2000;
  const experiment::Truth truths[] = {
      {"all alike, same time", 0, 0, 1, 0.5},
      {"all alike, greedy (equal answers), same time", 0, 0, 1, 0},
      {"all alike, three times the time", 0, 0, 3, 0.5},
      {"a gain of 0.05 that the same time buys too, 3x", 0.05, 0.05, 3, 0.5},
      {"exactly at the margins: +0.02, 1.05x", 0.02, 0, 1.05, 0.5},
      {"exactly at the margins: -0.02, 0.95x", -0.02, 0, 0.95, 0.5},
      {"truly better: +0.10, control +0.02, 3x", 0.10, 0.02, 3, 0.5},
  };
  fmt::print(
      "| five strategies | tasks x seeds | any false | pays | does not pay | no difference | "
      "decided |\n|---|---|---:|---:|---:|---:|---:|\n");
  for (const auto& truth : truths) {
    for (const auto& [n_tasks, n_seeds] : {std::pair{30, 1}, {100, 1}, {100, 3}, {540, 1}}) {
      const auto rates = experiment::error_rates(truth, {n_tasks, n_seeds, 5},
                                                 n_tasks > 200 ? kExperiments / 2 : kExperiments);
      fmt::print("| {} | {} x {} | {:.3f} | {:.3f} | {:.3f} | {:.3f} | {:.2f} |\n", truth.name,
                 n_tasks, n_seeds, rates.any_false, rates.by_label[0], rates.by_label[1],
                 rates.by_label[2], rates.decided);
      std::fflush(stdout);
    }
  }
  fmt::print(
      "\n| share of right answers by task | 10 x 3 | 10 x 5 | 10 x 8 | 20 x 3 | 20 x 5 | 20 x 8 "
      "| 50 x 3 | 50 x 8 |\n|---|---:|---:|---:|---:|---:|---:|---:|---:|\n");
  for (const auto& shape : stats::kAccuracyShapes) {
    fmt::print("| {} |", shape.name);
    for (const auto& [n_tasks, n_seeds] :
         {std::pair{10, 3}, {10, 5}, {10, 8}, {20, 3}, {20, 5}, {20, 8}, {50, 3}, {50, 8}}) {
      fmt::print(" {:.3f} |", stats::accuracy_coverage(shape, n_tasks, n_seeds, 5000));
    }
    fmt::print("\n");
  }
  fmt::print(
      "\n| only the strategy right | only the baseline | gain | 30 x 1 | 100 x 1 | 164 x 1 | 540 x "
      "1 "
      "|\n|---:|---:|---:|---:|---:|---:|---:|\n");
  for (const auto& shape : stats::kGainShapes) {
    fmt::print("| {:.2f} | {:.2f} | {:+.2f} |", shape.won, shape.lost, shape.won - shape.lost);
    for (const int n_tasks : {30, 100, 164, 540}) {
      fmt::print(" {:.3f} |", stats::gain_coverage(shape, n_tasks, 2000));
    }
    fmt::print("\n");
  }
}
