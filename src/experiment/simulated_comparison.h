// Simulated experiments whose truth is known, for the test of the error rates and for the table in
// docs/verdicts.md. No model and no clock: answers and times are drawn, the verdicts are the
// product's own.
#pragma once

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "base/rng.h"
#include "experiment/verdict.h"
#include "stats/distribution.h"

namespace whet::experiment {

/// What is true of every strategy of the experiment.
struct Truth {
  std::string name;
  double gain = 0;             // accuracy over the baseline
  double gain_of_control = 0;  // what the same time gives plainly
  double time_ratio = 1;       // over the baseline's
  double contested = 0.5;      // share of tasks that are sometimes answered right
};

struct SimulatedSize {
  int n_tasks = 100;
  int n_seeds = 1;
  int n_strategies = 5;
};

/// Experiment number `index`; the same index gives the same experiment.
inline std::vector<Comparison> simulate(const Truth& truth, const SimulatedSize& size,
                                        uint64_t index) {
  constexpr double kSettledRight = 0.6;  // share of the tasks that are not contested
  constexpr double kTimeSpread = 0.2;    // standard deviation of the log time of one run
  const double baseline_accuracy = truth.contested * 0.5 + (1 - truth.contested) * kSettledRight;
  const CounterRng rng(20261128, index);
  uint64_t counter = 0;
  const auto uniform = [&] { return rng.uniform(counter++); };
  const auto normal = [&] {
    return stats::normal_quantile((uniform() + 0x1.0p-54) * (1 - 0x1.0p-52));
  };
  const auto runs = [&](auto draw) {
    std::vector<double> values;
    for (int seed = 0; seed < size.n_seeds; ++seed) values.push_back(draw());
    return values;
  };
  /// Answers at `chance`, of which a share of the wrong ones is mended (or of the right ones
  /// spoilt) so that the accuracy over all tasks changes by `gain`.
  const auto answers = [&](double chance, double gain) {
    const double changed = gain >= 0 ? chance + (1 - chance) * gain / (1 - baseline_accuracy)
                                     : chance * (1 + gain / baseline_accuracy);
    return runs([&] { return uniform() < changed ? 1.0 : 0.0; });
  };

  std::vector<Comparison> strategies(static_cast<size_t>(size.n_strategies));
  for (Comparison& strategy : strategies) {
    strategy.gain_on_control.emplace();
    strategy.baseline_accuracy = baseline_accuracy;
    strategy.accuracy = baseline_accuracy + truth.gain;
  }
  for (int task = 0; task < size.n_tasks; ++task) {
    const bool is_contested = uniform() < truth.contested;
    const double chance = is_contested ? uniform() : (uniform() < kSettledRight ? 1.0 : 0.0);
    const double length = normal();
    const auto seconds = [&](double ratio) {
      return runs([&] { return ratio * std::exp(length + kTimeSpread * normal()); });
    };
    const auto baseline = answers(chance, 0);
    const auto baseline_seconds = seconds(1);
    for (Comparison& strategy : strategies) {
      const auto own = answers(chance, truth.gain);
      strategy.gain.measured.push_back({baseline, own});
      strategy.gain_on_control->measured.push_back({answers(chance, truth.gain_of_control), own});
      strategy.times.push_back({baseline_seconds, seconds(truth.time_ratio)});
    }
  }
  return strategies;
}

/// Whether a claim is false of a strategy of which `truth` is true.
inline bool is_false(Claim claim, const Truth& truth, const VerdictOptions& options) {
  const double c = truth.gain - truth.gain_of_control;
  const bool is_slower = truth.time_ratio > 1 + options.min_time_gain;
  const bool is_faster = truth.time_ratio < 1 - options.min_time_gain;
  switch (claim) {
    case Claim::kNoGain:
      return !(is_slower && truth.gain < options.min_gain);
    case Claim::kNoGainAtEqualTime:
      return !(is_slower && c < options.min_gain);
    case Claim::kBetter:
      return !(truth.gain > 0 && c > 0);
    case Claim::kFaster:
      return !(is_faster && truth.gain > -options.min_gain);
    case Claim::kEqual:
      return is_slower || is_faster || std::abs(truth.gain) >= options.min_gain;
    case Claim::kWorse:
      return !(truth.gain < 0);
  }
  return true;
}

struct ErrorRates {
  double any_false = 0;  // share of experiments with a false claim on a strategy
  std::vector<double> by_label = {0, 0, 0, 0};  // with at least one false verdict of this label
  double decided = 0;  // share of strategies whose verdict is not "cannot tell"
};

inline ErrorRates error_rates(const Truth& truth, const SimulatedSize& size, int n_experiments) {
  const VerdictOptions options;
  ErrorRates rates;
  for (int i = 0; i < n_experiments; ++i) {
    bool any = false;
    std::vector<bool> labels(4);
    for (const Verdict& verdict : judge(simulate(truth, size, static_cast<uint64_t>(i)), options)) {
      for (const ClaimTest& test : verdict.claims) {
        any |= test.p_adjusted <= 0.05 && is_false(test.claim, truth, options);
      }
      if (!verdict.claim) continue;
      rates.decided += 1.0 / size.n_strategies;
      if (is_false(*verdict.claim, truth, options))
        labels[static_cast<size_t>(verdict.label)] = true;
    }
    rates.any_false += any;
    for (size_t label = 0; label < labels.size(); ++label) rates.by_label[label] += labels[label];
  }
  rates.any_false /= n_experiments;
  rates.decided /= n_experiments;
  for (double& rate : rates.by_label) rate /= n_experiments;
  return rates;
}

}  // namespace whet::experiment
