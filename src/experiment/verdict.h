// The verdicts on the strategies of one experiment. The rule is that of docs/results-schema.md,
// with its reasons in docs/strategies.md; nothing else decides.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "stats/estimate.h"
#include "stats/margin.h"

namespace whet::experiment {

enum class VerdictLabel { kPays, kDoesNotPay, kNoDifference, kCannotTell };
/// "pays", "does not pay", "makes no difference", "cannot tell at this n".
std::string_view verdict_label_name(VerdictLabel label);

/// What a verdict can rest on, with d the accuracy gain over the baseline, c the gain over the
/// same-time control (where there is one) and r the ratio of times.
enum class Claim {
  kNoGain,             // slower, and d is below the smallest gain worth having
  kNoGainAtEqualTime,  // slower, and c is below it
  kBetter,             // d > 0 and c > 0
  kFaster,             // faster, and no loss as large as the smallest gain
  kEqual,              // neither accuracy nor time differs by what would matter
  kWorse,              // d < 0
};
inline constexpr int kNClaims = 6;
std::string_view claim_name(Claim claim);

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
  GainPairs gain;                            // over the baseline
  std::optional<GainPairs> gain_on_control;  // over the same-time control
  stats::PairedTasks times;                  // seconds, baseline and strategy
  std::string open_runs;                     // how many runs are open, in words; "" = none
  std::optional<double> baseline_accuracy;
  std::optional<double> accuracy;
  // For the words only.
  std::optional<stats::Estimate> gain_estimate, control_estimate, time_ratio;
};

struct VerdictOptions {
  double min_gain = 0.02;       // g: the smallest accuracy gain worth having
  double min_time_gain = 0.05;  // t: the smallest share of the time worth saving
  stats::BootstrapOptions bootstrap;
};

struct ClaimTest {
  Claim claim;
  double p;           // one-sided; of several conditions the largest
  double p_adjusted;  // over all claims on all strategies
};

struct Verdict {
  VerdictLabel label = VerdictLabel::kCannotTell;
  std::optional<Claim> claim;       // that decided
  std::string reason;               // one sentence with the numbers that decided
  std::vector<ClaimTest> claims{};  // every claim that could be tested
  /// The accuracy gain over the baseline that this experiment would have shown with a chance of
  /// 80 %, were the spread as it was found.
  std::optional<double> detectable_gain{};
};

/// One verdict per strategy. Over all of them together, the chance of any false claim is at most
/// 1 - level.
std::vector<Verdict> judge(const std::vector<Comparison>& strategies,
                           const VerdictOptions& options);

}  // namespace whet::experiment
