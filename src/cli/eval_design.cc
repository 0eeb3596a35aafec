#include "cli/eval_design.h"

#include <fmt/format.h>

#include <algorithm>

#include "experiment/verdict.h"
#include "stats/power.h"

namespace whet {
namespace {

constexpr double kAlpha = 0.05;
constexpr double kChanged[] = {0.05, 0.1, 0.2, 0.4};
constexpr double kWorthwhile[] = {0.02, 0.05, 0.1};

}  // namespace

std::string eval_design_text(const EvalDesign& d) {
  const int64_t n_rows = 1 + d.n_strategies + d.n_controls;
  std::string text = fmt::format(
      "{} tasks x {} seeds x {} rows (the baseline, strategies: {}, controls: {}): {} runs\n",
      d.n_tasks, d.n_seeds, n_rows, d.n_strategies, d.n_controls, d.n_tasks * d.n_seeds * n_rows);
  if (d.n_strategies == 0) return text + "Nothing is compared: no strategy beside the baseline.\n";
  text += fmt::format(
      "\nThe smallest gain over the baseline that this would show (with a chance of\n"
      "0.8, corrected for all claims on all strategies), by the share of tasks whose\n"
      "outcome the strategy changes; more seeds leave fewer changes to chance:\n\n"
      "{:>8} {:>12}",
      "changed", "gain");
  for (const double gain : kWorthwhile)
    text += fmt::format(" {:>18}", fmt::format("tasks for +{:.2f}", gain));
  text += "\n";
  for (const double changed : kChanged) {
    const stats::PairedDesign design{
        .changed = changed,
        .alpha = experiment::level_of_one_claim(kAlpha, static_cast<size_t>(d.n_strategies))};
    const auto gain = stats::detectable_gain(d.n_tasks, design);
    text += fmt::format("{:>7.0f}% {:>12}", changed * 100,
                        gain ? fmt::format("+{:.3f}", *gain) : "none");
    for (const double wanted : kWorthwhile) {
      const auto n = wanted <= changed ? stats::tasks_to_show(wanted, design) : std::nullopt;
      text += fmt::format(" {:>18}", n ? fmt::format("{}", *n) : "-");
    }
    text += "\n";
  }
  if (d.n_groups < d.n_tasks) {
    text += fmt::format(
        "\nThe tasks stand in {} groups that are drawn together. Where all of a group come out "
        "alike, the\nexperiment shows no more than {} tasks of their own would.\n",
        d.n_groups, d.n_groups);
  }
  return text;
}

}  // namespace whet
