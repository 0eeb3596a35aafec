#include "experiment/metrics.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <optional>
#include <set>

#include "experiment/quantity.h"
#include "stats/bootstrap.h"
#include "stats/crossed_components.h"
#include "stats/ratio.h"
#include "stats/sample.h"
#include "stats/sampling.h"
#include "stats/variance_components.h"

namespace whet::experiment {
namespace {

using stats::Clusters;
using stats::Estimate;
using stats::PairedTasks;

Clusters clusters_of(const Events& events, const Quantity& quantity) {
  Clusters clusters;
  for (const auto& [task, runs] : by_task(events)) {
    if (auto values = values_of(runs, quantity); !values.empty()) {
      clusters.push_back(std::move(values));
    }
  }
  return clusters;
}

std::optional<Estimate> accuracy_of(const Events& events, const Quantity& quantity, double level) {
  Clusters tasks;
  std::vector<int64_t> groups;
  GroupNumbers numbers;
  for (const auto& [task, runs] : by_task(events)) {
    tasks.push_back(values_of(runs, quantity));
    groups.push_back(numbers.of(*runs.front()));
  }
  return stats::estimate_accuracy(tasks, level, groups);
}

/// Cut off before its end, and not right: with more tokens it might have been.
bool is_cut(const Event& event) {
  if (event.error || event.correct()) return false;
  const auto hit_limit = [&](const Candidate& candidate) {
    return candidate.finish == "length" || (candidate.finish == "time" && !event.time_budget_ns);
  };
  const auto& candidates = event.candidates;
  const bool has_choice = std::any_of(candidates.begin(), candidates.end(),
                                      [](const Candidate& c) { return c.chosen; });
  return std::any_of(candidates.begin(), candidates.end(),
                     [&](const Candidate& c) { return (c.chosen || !has_choice) && hit_limit(c); });
}

/// Correctness with open runs (cut off, or ended by an error) taken as `open`.
Quantity correctness_with(double open) {
  return [open](const Event& event) -> std::optional<double> {
    if (event.error || (event.graded() && is_cut(event))) return open;
    return correctness(event);
  };
}

std::optional<double> first_token(const Event& event) {
  if (event.error || !event.first_token_ns) return std::nullopt;
  return static_cast<double>(*event.first_token_ns - event.start_ns) * 1e-9;
}

std::optional<double> oracle(const Event& event) {
  if (!event.graded()) return std::nullopt;
  bool any = event.correct();
  for (const Candidate& candidate : event.candidates) any |= candidate.correct.value_or(false);
  return any ? 1.0 : 0.0;
}

results::Totals totals(const Events& events, int64_t Event::*field) {
  int64_t total = 0;
  for (const Event* event : events) total += event->*field;
  results::Totals totals{total, std::nullopt};
  if (!events.empty()) {
    totals.per_task = static_cast<double>(total) / static_cast<double>(events.size());
  }
  return totals;
}

std::optional<results::Latency> latency_summary(const Events& events, const Quantity& quantity,
                                                const stats::BootstrapOptions& options) {
  const auto median = stats::estimate_quantile(clusters_of(events, quantity), 0.5, options);
  if (!median) return std::nullopt;
  const auto all = values_of(events, quantity);
  return results::Latency{*median, stats::quantile(all, 0.95), stats::mean(all)};
}

/// Completion tokens per second, total over total, resampling tasks.
std::optional<Estimate> generation_speed(const Events& events,
                                         const stats::BootstrapOptions& options) {
  struct Task {
    double tokens = 0;
    double seconds = 0;
  };
  std::vector<Task> tasks;
  for (const auto& [id, runs] : by_task(events)) {
    Task task;
    for (const Event* event : runs) {
      if (event->error) continue;
      task.tokens += static_cast<double>(event->completion_tokens);
      task.seconds += event->latency_s();
    }
    if (task.seconds > 0) tasks.push_back(task);
  }
  if (tasks.empty()) return std::nullopt;
  const auto speed = [&](std::span<const uint32_t> indices) {
    Task sum;
    for (uint32_t i : indices) {
      sum.tokens += tasks[i].tokens;
      sum.seconds += tasks[i].seconds;
    }
    return sum.tokens / sum.seconds;
  };
  std::vector<uint32_t> each(tasks.size());
  for (uint32_t i = 0; i < each.size(); ++i) each[i] = i;
  return Estimate{speed(each), stats::bootstrap_percentile(tasks.size(), speed, options),
                  options.level, "bootstrap over tasks", static_cast<int64_t>(tasks.size())};
}

std::optional<results::Scores> scores_of(const Events& events, const MetricOptions& options) {
  std::vector<std::vector<stats::ScoredCandidate>> tasks;
  results::Scores scores;
  int64_t n_candidates = 0;
  for (const auto& [id, runs] : by_task(events)) {
    std::vector<stats::ScoredCandidate> scored;
    for (const Event* event : runs) {
      if (event->candidates.size() < 2) continue;
      for (const Candidate& candidate : event->candidates) {
        if (!candidate.score || !candidate.correct) continue;
        scored.push_back({*candidate.score, *candidate.correct});
      }
    }
    n_candidates += static_cast<int64_t>(scored.size());
    if (!scored.empty()) tasks.push_back(std::move(scored));
  }
  if (tasks.empty()) return std::nullopt;
  scores.n_candidates = n_candidates;
  scores.auroc = stats::estimate_auroc(tasks, options.bootstrap);
  scores.oracle_accuracy = accuracy_of(events, oracle, options.bootstrap.level);
  return scores;
}

struct Counts {
  int64_t n_tasks = 0;
  int64_t n_runs = 0;
  int64_t n_graded = 0;
  int64_t n_correct = 0;
};

Counts count(const Events& events) {
  Counts counts;
  std::set<std::string> tasks;
  for (const Event* event : events) {
    ++counts.n_runs;
    counts.n_graded += event->graded();
    counts.n_correct += event->correct();
    if (event->graded()) tasks.insert(event->task);
  }
  counts.n_tasks = static_cast<int64_t>(tasks.size());
  return counts;
}

Events of_family(const Events& events, const std::string& family) {
  Events out;
  std::copy_if(events.begin(), events.end(), std::back_inserter(out),
               [&](const Event* event) { return event->family == family; });
  return out;
}

std::optional<results::Difference> accuracy_difference(const Events& baseline,
                                                       const Events& strategy,
                                                       const MetricOptions& options,
                                                       const std::string& control = "") {
  auto difference = stats::estimate_accuracy_difference(paired(baseline, strategy, correctness),
                                                        options.bootstrap);
  if (!difference) return std::nullopt;
  return results::Difference{std::move(*difference), control};
}

GainPairs gain_pairs(const Events& reference, const Events& strategy) {
  const auto lost = correctness_with(0);
  const auto won = correctness_with(1);
  return {paired(reference, strategy, correctness), paired(reference, strategy, won, lost),
          paired(reference, strategy, lost, won)};
}

/// CPUs that were busy on average during the runs, in `field` of the events.
std::optional<double> mean_cpus(const Events& events, std::optional<int64_t> Event::*field) {
  double busy = 0;
  double wall = 0;
  for (const Event* event : events) {
    if (event->error || !(event->*field)) continue;
    busy += static_cast<double>(*(event->*field));
    wall += static_cast<double>(event->end_ns - event->start_ns);
  }
  if (wall <= 0) return std::nullopt;
  return std::max(busy / wall, 0.0);
}

std::optional<double> mean_core_clock(const Events& events) {
  return stats::mean(values_of(events, [](const Event& event) { return event.core_clock; }));
}

std::optional<results::PerCorrect> per_correct(const Events& events) {
  double n_correct = 0, n_tokens = 0, seconds = 0, token_seconds = 0;
  for (const Event* event : events) {
    if (!event->graded()) continue;
    const auto spent = static_cast<double>(event->prompt_tokens + event->completion_tokens);
    n_correct += event->correct();
    n_tokens += spent;
    seconds += event->latency_s();
    token_seconds += spent * event->latency_s();
  }
  if (n_correct == 0) return std::nullopt;
  return results::PerCorrect{n_tokens / n_correct, seconds / n_correct, token_seconds / n_correct};
}

std::map<std::pair<std::string, uint64_t>, const Event*> by_task_and_seed(const Events& events) {
  std::map<std::pair<std::string, uint64_t>, const Event*> runs;
  for (const Event* event : events) runs[{event->task, event->seed}] = event;
  return runs;
}

/// Outcomes of each task, one a seed; with a baseline, gains over its run of the same seed.
std::map<std::string, std::vector<double>> outcomes_by_task(const Events& events,
                                                            const Events* baseline) {
  const auto against = baseline ? by_task_and_seed(*baseline) : by_task_and_seed({});
  std::map<std::string, std::vector<double>> tasks;
  for (const auto& [task, runs] : by_task(events)) {
    std::vector<double> outcomes;
    for (const Event* event : runs) {
      if (!event->graded()) continue;
      double outcome = event->correct();
      if (baseline) {
        const auto other = against.find({event->task, event->seed});
        if (other == against.end() || !other->second->graded()) continue;
        outcome -= other->second->correct();
      }
      outcomes.push_back(outcome);
    }
    tasks[task] = std::move(outcomes);
  }
  return tasks;
}

/// "multiply-0001" and "brief" of the task "multiply-0001@brief".
std::optional<results::Spread> spread_of_wordings(
    const std::map<std::string, std::vector<double>>& outcomes,
    const std::vector<std::string>& wordings) {
  std::map<std::string, Clusters> tasks;
  for (const auto& [id, values] : outcomes) {
    const size_t at = id.rfind('@');
    if (at == std::string::npos) continue;
    const auto wording = std::find(wordings.begin(), wordings.end(), id.substr(at + 1));
    if (wording == wordings.end()) continue;
    Clusters& task = tasks.try_emplace(id.substr(0, at), wordings.size()).first->second;
    task[static_cast<size_t>(wording - wordings.begin())] = values;
  }
  std::vector<Clusters> cells;
  for (auto& [id, task] : tasks) cells.push_back(std::move(task));
  const auto of = stats::crossed_components(cells);
  if (!of) return std::nullopt;
  return results::Spread{std::sqrt(of->between_tasks), std::sqrt(of->within),
                         of->share_within(),           std::sqrt(of->between_wordings),
                         std::sqrt(of->interaction),   of->share_of_wordings()};
}

std::optional<results::Spread> spread_of(const Events& events, const Events* baseline,
                                         const std::vector<std::string>& wordings) {
  const auto outcomes = outcomes_by_task(events, baseline);
  if (wordings.size() > 1) return spread_of_wordings(outcomes, wordings);
  Clusters tasks;
  for (const auto& [id, values] : outcomes) tasks.push_back(values);
  const auto components = stats::variance_components(tasks);
  if (!components) return std::nullopt;
  return results::Spread{std::sqrt(components->between_tasks),
                         std::sqrt(components->within_tasks),
                         components->share_within(),
                         {},
                         {},
                         {}};
}

/// Of the gain over the baseline, or of the accuracy; none where no two tasks stand in one group.
std::optional<double> design_effect_of(const Events& events, const Events* baseline) {
  stats::TaskDifferences tasks;
  if (baseline) {
    tasks = stats::task_differences(paired(*baseline, events, correctness));
  } else {
    GroupNumbers numbers;
    for (const auto& [task, runs] : by_task(events)) {
      const auto mean = stats::mean(values_of(runs, correctness));
      if (!mean) continue;
      tasks.values.push_back(*mean);
      tasks.groups.push_back(numbers.of(*runs.front()));
    }
  }
  if (stats::group_members(tasks.groups).size() == tasks.groups.size()) return std::nullopt;
  return stats::design_effect(tasks.values, tasks.groups);
}

/// Of runs that wrote what the baseline wrote, and more: their time over its.
std::optional<double> faster_than_possible(const Events& events, const Events& baseline) {
  constexpr size_t kFewest = 3;
  const auto against = by_task_and_seed(baseline);
  std::vector<double> ratios;
  for (const Event* event : events) {
    const auto other = against.find({event->task, event->seed});
    if (other == against.end() || event->error || other->second->error) continue;
    const auto& texts = event->candidates;
    const auto& single = other->second->candidates;
    if (single.size() != 1 || texts.size() < 2 || texts[0].text != single[0].text) continue;
    if (other->second->latency_s() > 0) {
      ratios.push_back(event->latency_s() / other->second->latency_s());
    }
  }
  if (ratios.size() < kFewest) return std::nullopt;
  const auto median = stats::median(ratios);
  return *median < 1 ? median : std::nullopt;
}

bool is_truncated(const Event& event) {
  return std::any_of(
      event.candidates.begin(), event.candidates.end(),
      [](const Candidate& candidate) { return candidate.chosen && candidate.finish != "stop"; });
}

/// Means of what the runs have, in the order in which it comes up.
std::vector<results::MetricMean> metric_means(const Events& events,
                                              const stats::BootstrapOptions& options) {
  std::vector<results::MetricMean> means;
  for (const Event* event : events) {
    for (const eval::MetricValue& metric : event->metrics) {
      const auto is_it = [&](const results::MetricMean& m) { return m.metric == metric.name; };
      if (std::any_of(means.begin(), means.end(), is_it)) continue;
      const auto value_of = [&](const Event& e) -> std::optional<double> {
        for (const eval::MetricValue& m : e.metrics) {
          if (m.name == metric.name) return m.value;
        }
        return std::nullopt;
      };
      means.push_back({metric.name, stats::estimate_mean(clusters_of(events, value_of), options)});
    }
  }
  return means;
}

StrategyResult summarise_row(const Row& row, const Events& events, const Events* baseline,
                             const MetricOptions& options) {
  StrategyResult summary;
  static_cast<Row&>(summary) = row;
  const Counts counts = count(events);
  summary.n_tasks = counts.n_tasks;
  summary.n_runs = counts.n_runs;
  summary.n_graded = counts.n_graded;
  summary.n_correct = counts.n_correct;
  summary.n_not_graded = counts.n_runs - counts.n_graded;
  const auto n_where = [&](auto is_so) {
    return static_cast<int64_t>(std::count_if(events.begin(), events.end(), is_so));
  };
  summary.n_strict = n_where([](const Event* e) { return e->correct() && e->strict; });
  summary.n_fell_back = n_where([](const Event* e) { return e->fell_back; });
  summary.n_truncated = n_where([](const Event* e) { return is_truncated(*e); });
  summary.n_cut = n_where([](const Event* e) { return is_cut(*e); });
  summary.n_skipped = n_where([](const Event* e) { return !e->skipped.empty(); });
  summary.n_errors = n_where([](const Event* e) { return e->error.has_value(); });
  std::map<std::string, int64_t> reasons;
  for (const Event* event : events) {
    if (!event->graded()) ++reasons[event->error.value_or(event->grade_detail)];
    const auto raise = [](std::optional<int64_t>& highest, const std::optional<int64_t>& value) {
      if (value && value > highest) highest = value;
    };
    raise(summary.peak_rss_bytes, event->peak_rss_bytes);
    raise(summary.kv_bytes, event->kv_bytes);
  }
  for (const auto& [reason, n] : reasons) summary.not_graded.push_back({reason, n});
  std::stable_sort(summary.not_graded.begin(), summary.not_graded.end(),
                   [](const auto& a, const auto& b) { return a.n > b.n; });

  const double level = options.bootstrap.level;
  summary.accuracy = accuracy_of(events, correctness, level);
  summary.strict_accuracy = accuracy_of(events, strictness, level);
  summary.reference_metrics = metric_means(events, options.bootstrap);
  for (const std::string& family : options.families) {
    const Events runs = of_family(events, family);
    if (runs.empty()) continue;
    const Counts of = count(runs);
    results::FamilyResult part{family, of.n_tasks, of.n_runs, of.n_graded, of.n_correct, {}, {}};
    part.accuracy = accuracy_of(runs, correctness, level);
    if (baseline) {
      part.difference_to_baseline =
          accuracy_difference(of_family(*baseline, family), runs, options);
    }
    summary.families.push_back(std::move(part));
  }
  summary.prompt_tokens = totals(events, &Event::prompt_tokens);
  summary.completion_tokens = totals(events, &Event::completion_tokens);
  summary.n_calls = totals(events, &Event::n_calls);
  summary.latency_s = latency_summary(events, latency, options.bootstrap);
  summary.first_token_s = latency_summary(events, first_token, options.bootstrap);
  summary.generation_tok_s = generation_speed(events, options.bootstrap);
  summary.scores = scores_of(events, options);
  summary.other_cpus = mean_cpus(events, &Event::other_cpu_ns);
  summary.stolen_cpus = mean_cpus(events, &Event::stolen_cpu_ns);
  summary.core_clock = mean_core_clock(events);
  summary.per_correct = per_correct(events);
  summary.spread = spread_of(events, baseline, options.wordings);
  summary.design_effect = design_effect_of(events, baseline);
  if (!baseline) return summary;
  summary.faster_than_possible = faster_than_possible(events, *baseline);
  summary.difference_to_baseline = accuracy_difference(*baseline, events, options);
  const auto ratio = [&](const Quantity& quantity, stats::RatioOf kind) {
    return stats::estimate_ratio(paired(*baseline, events, quantity), kind, options.bootstrap);
  };
  summary.cost_ratio_tokens = ratio(tokens, stats::RatioOf::kGeometricMeans);
  summary.cost_ratio_time = ratio(latency, stats::RatioOf::kGeometricMeans);
  summary.total_ratio_tokens = ratio(tokens, stats::RatioOf::kMeans);
  summary.total_ratio_time = ratio(latency, stats::RatioOf::kMeans);
  return summary;
}

/// "12 of 40 baseline answers and 3 of 40 of its own were cut off"; "" if none is open.
std::string open_runs_text(const StrategyResult& baseline, const StrategyResult& strategy) {
  const auto open = [](const StrategyResult& summary) {
    return *summary.n_cut + *summary.n_errors;
  };
  if (open(baseline) + open(strategy) == 0) return "";
  return fmt::format("{} of {} baseline runs and {} of {} of its own were cut off or failed",
                     open(baseline), *baseline.n_runs, open(strategy), *strategy.n_runs);
}

}  // namespace

std::vector<StrategyResult> summarise(const std::vector<Row>& rows,
                                      const std::vector<Event>& events,
                                      const MetricOptions& options) {
  std::map<std::string, Events> by_row;
  for (const Event& event : events) {
    if (!event.warmup) by_row[event.strategy].push_back(&event);
  }
  const auto against = [&](const Row& row) -> const std::string& {
    return row.against.empty() ? options.baseline : row.against;
  };
  std::vector<StrategyResult> summaries;
  for (const Row& row : rows) {
    const bool is_baseline = row.name == options.baseline;
    summaries.push_back(summarise_row(row, by_row[row.name],
                                      is_baseline ? nullptr : &by_row[against(row)], options));
  }
  const auto summary_of = [&](const std::string& name) -> StrategyResult* {
    const auto found =
        std::find_if(summaries.begin(), summaries.end(),
                     [&](const StrategyResult& summary) { return summary.name == name; });
    return found == summaries.end() ? nullptr : &*found;
  };
  std::map<std::string, std::string> control_of;
  for (const Row& control : rows) {
    for (const std::string& name : control.controls) {
      StrategyResult* strategy = summary_of(name);
      if (strategy == nullptr) continue;
      control_of[name] = control.name;
      strategy->difference_to_control =
          accuracy_difference(by_row[control.name], by_row[name], options, control.name);
    }
  }

  std::vector<Comparison> comparisons;
  std::vector<StrategyResult*> judged;
  for (StrategyResult& summary : summaries) {
    const StrategyResult* baseline = summary_of(against(summary));
    const Events& baseline_runs = by_row[against(summary)];
    if (summary.kind != StrategyKind::kStrategy || baseline == nullptr) continue;
    const Events& runs = by_row[summary.name];
    Comparison comparison;
    comparison.gain = gain_pairs(baseline_runs, runs);
    if (const auto control = control_of.find(summary.name); control != control_of.end()) {
      comparison.gain_on_control = gain_pairs(by_row[control->second], runs);
      comparison.control = options.control;
      if (summary.difference_to_control) {
        comparison.control_estimate = summary.difference_to_control->estimate;
      }
    }
    comparison.times = paired(baseline_runs, runs, latency);
    comparison.open_runs = open_runs_text(*baseline, summary);
    if (baseline->accuracy) comparison.baseline_accuracy = baseline->accuracy->value;
    if (summary.accuracy) comparison.accuracy = summary.accuracy->value;
    if (summary.difference_to_baseline) {
      comparison.gain_estimate = summary.difference_to_baseline->estimate;
    }
    comparison.time_ratio = summary.cost_ratio_time;
    comparisons.push_back(std::move(comparison));
    judged.push_back(&summary);
  }
  const auto verdicts = judge(
      comparisons, {options.min_gain, options.min_time_gain, options.alpha, options.bootstrap});
  for (size_t i = 0; i < judged.size(); ++i) judged[i]->verdict = verdicts[i];
  return summaries;
}

}  // namespace whet::experiment
