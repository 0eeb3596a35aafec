// Metrics: every number of a results document, derived from the raw events in this one place. Pure:
// no clock, no file, no model.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "experiment/event.h"
#include "experiment/verdict.h"
#include "stats/accuracy.h"
#include "stats/estimate.h"

namespace whet::experiment {

/// A row of the document before anything was measured.
struct Row {
  std::string name;
  std::optional<std::string> label;
  std::string kind;                   // "baseline", "strategy", "control"
  std::vector<std::string> controls;  // for a control: the strategies whose time it was given
  std::string description;
  std::vector<std::pair<std::string, std::string>> options;
};

struct Totals {
  int64_t total = 0;
  std::optional<double> per_task;  // mean per run
};

struct Latency {
  stats::Estimate median;
  std::optional<double> p95;
  std::optional<double> mean;
};

struct FamilySummary {
  std::string family;
  int64_t n_tasks = 0;
  int64_t n_runs = 0;
  int64_t n_graded = 0;
  int64_t n_correct = 0;
  std::optional<stats::Estimate> accuracy;
  std::optional<stats::Difference> difference_to_baseline;
};

struct Scores {
  std::optional<stats::Estimate> auroc;
  int64_t n_candidates = 0;
  std::optional<stats::Estimate> oracle_accuracy;
};

struct Summary {
  Row row;
  int64_t n_tasks = 0;
  int64_t n_runs = 0;
  int64_t n_graded = 0;
  int64_t n_correct = 0;
  int64_t n_strict = 0;     // correct by the marked answer alone
  int64_t n_fell_back = 0;  // runs without an eligible candidate
  int64_t n_truncated = 0;  // the chosen candidate hit a limit of tokens or time
  int64_t n_errors = 0;     // ended by an error of the engine
  int64_t n_cut = 0;        // the answer was cut at the token limit and is not right
  std::vector<std::pair<std::string, int64_t>> not_graded;  // reason, n; largest first
  std::optional<stats::Estimate> accuracy;
  std::optional<stats::Estimate> strict_accuracy;
  std::vector<FamilySummary> families;
  std::optional<stats::Difference> difference_to_baseline;
  std::optional<stats::Difference> difference_to_control;
  std::string control;  // name; "" = none
  Totals prompt_tokens;
  Totals completion_tokens;
  Totals n_calls;
  std::optional<Latency> latency_s;
  std::optional<Latency> first_token_s;
  std::optional<stats::Estimate> generation_tok_s;
  std::optional<stats::Estimate> cost_ratio_tokens;
  std::optional<stats::Estimate> cost_ratio_time;
  std::optional<stats::Estimate> total_ratio_tokens;
  std::optional<stats::Estimate> total_ratio_time;
  std::optional<double> other_cpus;   // busy with other programs during the runs, on average
  std::optional<double> stolen_cpus;  // taken by the hypervisor
  std::optional<int64_t> peak_rss_bytes;
  std::optional<int64_t> kv_bytes;
  std::optional<Scores> scores;
  std::optional<Verdict> verdict;  // none for the baseline and for controls
};

struct MetricOptions {
  std::string baseline;               // name of the row that all others are compared to
  std::vector<std::string> families;  // in display order
  double min_gain = 0.02;
  double min_time_gain = 0.05;
  stats::BootstrapOptions bootstrap;
};

/// One summary per row, in order. Warm-up events are left out. Accuracies count graded runs, costs
/// all runs that did not end in an error.
std::vector<Summary> summarise(const std::vector<Row>& rows, const std::vector<Event>& events,
                               const MetricOptions& options);

}  // namespace whet::experiment
