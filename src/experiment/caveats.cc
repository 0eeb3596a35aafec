#include "experiment/caveats.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <set>

#include "experiment/looks.h"

namespace whet::experiment {
namespace {

constexpr double kMaxLoadPerCpu = 0.5;        // of other programs; above it, times are doubtful
constexpr double kMaxStolenPerCpu = 0.02;     // taken by the hypervisor
constexpr double kMaxClockDifference = 0.03;  // of the core's clock, between two rows
constexpr double kMaxArmDifference = 0.25;    // CPUs that others kept busy, between two rows

const std::string& name_of(const StrategyResult& summary) {
  return summary.title();
}

const StrategyResult* baseline_of(const std::vector<StrategyResult>& summaries) {
  const auto found = std::find_if(
      summaries.begin(), summaries.end(),
      [](const StrategyResult& summary) { return summary.kind == StrategyKind::kBaseline; });
  return found == summaries.end() ? nullptr : &*found;
}

void add_cut(std::vector<std::string>& notes, const Plan& plan,
             const std::vector<StrategyResult>& summaries) {
  const std::string limit = plan.max_tokens >= 0 ? fmt::format("--max-tokens {}", plan.max_tokens)
                                                 : std::string("the end of the context");
  std::string others;
  for (const StrategyResult& summary : summaries) {
    if (summary.n_cut.value_or(0) == 0) continue;
    if (summary.kind == StrategyKind::kBaseline) {
      notes.push_back(fmt::format(
          "{} of {} baseline answers were cut at {} and count as wrong; its accuracy is a lower "
          "bound.",
          *summary.n_cut, summary.n_runs.value_or(0), limit));
    } else {
      others += fmt::format("{}{} {} of {}", others.empty() ? "" : "; ", name_of(summary),
                            *summary.n_cut, summary.n_runs.value_or(0));
    }
  }
  if (!others.empty()) {
    notes.push_back(fmt::format("Answers cut at {} that count as wrong: {}.", limit, others));
  }
}

void add_room(std::vector<std::string>& notes, const Plan& plan, const StrategyResult& baseline) {
  if (!baseline.accuracy) return;
  const double accuracy = baseline.accuracy->value;
  if (accuracy > 1 - plan.min_gain) {
    notes.push_back(fmt::format(
        "The baseline is right on {:.3f} of the tasks: they leave no room for a gain of {:.3f}.",
        accuracy, plan.min_gain));
  } else if (accuracy < plan.min_gain) {
    notes.push_back(fmt::format(
        "The baseline is right on {:.3f} of the tasks: they may be too hard for this model to show "
        "anything.",
        accuracy));
  }
}

void add_groups(std::vector<std::string>& notes, const Plan& plan) {
  std::set<std::string> groups;
  size_t n_grouped = 0;
  for (const eval::Task& task : plan.tasks) {
    if (task.group.empty()) continue;
    groups.insert(task.group);
    ++n_grouped;
  }
  if (groups.size() == n_grouped) return;
  notes.push_back(fmt::format(
      "{} of {} tasks stand in {} groups that are drawn together: intervals and verdicts are by "
      "group.",
      n_grouped, plan.tasks.size(), groups.size()));
}

/// Intervals stay as they are: they are read one by one, at whatever look.
void add_looks(std::vector<std::string>& notes, const Plan& plan, const RunStatus& status) {
  const double alpha = 1 - plan.level;
  const std::string level = fmt::format("{:.4f}", alpha_of_last_look(status, alpha));
  if (status.looks.size() > 1) {
    notes.push_back(fmt::format(
        "Numbers were made of this record {} times, after {} runs: going on until one looks right "
        "errs more often, so verdicts are tested at {}, what the looks before leave of {:.3g}.",
        status.looks.size(), fmt::join(status.looks, ", "), level, alpha));
  } else if (!status.complete) {
    notes.push_back(
        fmt::format("Verdicts of an unfinished run are provisional, and tested at {} of {:.3g}: "
                    "the rest is kept for a later look.",
                    level, alpha));
  }
}

void add_load(std::vector<std::string>& notes, const RunStatus& status,
              const std::vector<StrategyResult>& summaries, int n_cpus) {
  const double load_per_cpu = status.load_average / n_cpus;
  if (load_per_cpu > kMaxLoadPerCpu) {
    notes.push_back(fmt::format(
        "The machine was busy before the run (load {:.2f} on {} CPUs): times are doubtful.",
        status.load_average, n_cpus));
  }
  const auto range_of = [&](std::optional<double> StrategyResult::*field) {
    std::pair<const StrategyResult*, const StrategyResult*> range{nullptr, nullptr};
    for (const StrategyResult& summary : summaries) {
      if (!(summary.*field)) continue;
      if (!range.first || summary.*field < range.first->*field) range.first = &summary;
      if (!range.second || summary.*field > range.second->*field) range.second = &summary;
    }
    return range;
  };
  for (const StrategyResult& summary : summaries) {
    if (!summary.faster_than_possible) continue;
    notes.push_back(fmt::format(
        "{} drew the baseline's own text, and more, in {:.2f} of the baseline's time: that cannot "
        "be. Something was carried over from run to run, or the machine was not the same; believe "
        "no time here.",
        name_of(summary), *summary.faster_than_possible));
  }
  const auto [slowest, fastest] = range_of(&StrategyResult::core_clock);
  if (fastest && *slowest->core_clock < *fastest->core_clock * (1 - kMaxClockDifference)) {
    notes.push_back(fmt::format(
        "The core's clock was {:.0f} % lower during {} than during {}: times are doubtful.",
        100 * (1 - *slowest->core_clock / *fastest->core_clock), name_of(*slowest),
        name_of(*fastest)));
  }
  const auto [least, most] = range_of(&StrategyResult::other_cpus);
  if (most && *most->other_cpus > kMaxLoadPerCpu * n_cpus) {
    notes.push_back(fmt::format(
        "Other programs kept up to {:.2f} of {} CPUs busy during the runs of {}: times are "
        "doubtful.",
        *most->other_cpus, n_cpus, name_of(*most)));
  }
  if (most && *most->other_cpus - *least->other_cpus > kMaxArmDifference) {
    notes.push_back(fmt::format(
        "The rows did not meet the same machine: other programs took {:.2f} CPUs during {}, {:.2f} "
        "during {}.",
        *least->other_cpus, name_of(*least), *most->other_cpus, name_of(*most)));
  }
  const auto stolen = range_of(&StrategyResult::stolen_cpus).second;
  if (stolen && *stolen->stolen_cpus > kMaxStolenPerCpu * n_cpus) {
    notes.push_back(
        fmt::format("The hypervisor took up to {:.2f} of {} CPUs (during {}): times are doubtful.",
                    *stolen->stolen_cpus, n_cpus, name_of(*stolen)));
  }
}

}  // namespace

std::vector<std::string> caveats(const Plan& plan, const RunStatus& status,
                                 const std::vector<StrategyResult>& summaries, int n_cpus) {
  std::vector<std::string> notes;
  add_cut(notes, plan, summaries);
  if (plan.raw_prompt) {
    notes.push_back(plan.model.chat_template == "none"
                        ? "This model has no chat template; prompts went in raw."
                        : "Prompts went in raw, without the model's chat template (--raw).");
  }
  if (const StrategyResult* baseline = baseline_of(summaries)) add_room(notes, plan, *baseline);
  add_groups(notes, plan);
  add_looks(notes, plan, status);
  add_load(notes, status, summaries, n_cpus);
  return notes;
}

}  // namespace whet::experiment
