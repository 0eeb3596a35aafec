// The verdicts on the strategies of one experiment. The rule is that of docs/results-schema.md,
// with its reasons in docs/verdicts.md; nothing else decides.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "results/document.h"
#include "stats/estimate.h"
#include "stats/margin.h"

namespace whet::experiment {

using results::Claim;
using results::ClaimTest;
using results::kNClaims;
using results::Verdict;
using results::VerdictLabel;

/// Correctness by task of the reference and of the strategy.
struct GainPairs {
  stats::PairedTasks measured;
  /// The same with every open run (cut at the token limit, or ended by an error) counted against
  /// the strategy, and for it. Equal to `measured` where no run is open.
  stats::PairedTasks at_worst;
  stats::PairedTasks at_best;
};

/// What was measured of one strategy.
struct Comparison {
  GainPairs gain;                                            // over the baseline
  std::optional<GainPairs> gain_on_control;                  // over the same-time control
  stats::PairedTasks times;                                  // seconds, baseline and strategy
  std::string control = "the baseline given the same time";  // in words
  std::string open_runs;  // how many runs are open, in words; "" = none
  std::optional<double> baseline_accuracy;
  std::optional<double> accuracy;
  // For the words only.
  std::optional<stats::Estimate> gain_estimate, control_estimate, time_ratio;
};

struct VerdictOptions {
  double min_gain = 0.02;       // g: the smallest accuracy gain worth having
  double min_time_gain = 0.05;  // t: the smallest share of the time worth saving
  double alpha = 0.05;          // the chance of any false claim
  stats::BootstrapOptions bootstrap;
};

/// What one claim is tested at where it is the surest of all claims on `n_strategies`, at least
/// one: the first step of the correction, and so what an experiment can count on showing.
double level_of_one_claim(double alpha, size_t n_strategies);
/// One verdict per strategy. Over all of them together, the chance of any false claim is at most
/// alpha.
std::vector<Verdict> judge(const std::vector<Comparison>& strategies,
                           const VerdictOptions& options);

}  // namespace whet::experiment
