#include "experiment/verdict.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "base/check.h"
#include "stats/correction.h"

namespace whet::experiment {
namespace {

using stats::MarginTest;

/// Claims on one strategy that can be false together by events that do not contain each other. Each
/// false claim is a miss of a lower or upper bound of d, c or r. If r lies between the margins:
/// both bounds of r, d's upper one, and the lower one of d or c. If it is slower: r's upper bound,
/// the upper bounds of d and c, and one lower one. If it is faster: fewer.
constexpr size_t kMaxErrorsPerStrategy = 4;

/// p-values of the claims; none where a claim needs what was not measured.
using ClaimPs = std::array<std::optional<double>, kNClaims>;

size_t index_of(Claim claim) {
  return static_cast<size_t>(claim);
}

struct GainTests {
  std::optional<MarginTest> above;  // for claims of a high gain
  std::optional<MarginTest> below;
};

GainTests test_gain(const GainPairs& pairs, bool open_runs_decide,
                    const stats::BootstrapOptions& bootstrap) {
  if (open_runs_decide) {
    return {stats::test_accuracy_difference(pairs.at_worst, bootstrap),
            stats::test_accuracy_difference(pairs.at_best, bootstrap)};
  }
  const auto test = stats::test_accuracy_difference(pairs.measured, bootstrap);
  return {test, test};
}

/// `open_runs_decide`: count open runs against every claim.
ClaimPs test_claims(const Comparison& of, const VerdictOptions& options, bool open_runs_decide) {
  const double g = options.min_gain;
  const double faster = std::log(1 - options.min_time_gain);
  const double slower = std::log(1 + options.min_time_gain);
  const GainTests d = test_gain(of.gain, open_runs_decide, options.bootstrap);
  GainTests c;
  if (of.gain_on_control) {
    c = test_gain(*of.gain_on_control, open_runs_decide, options.bootstrap);
  }
  const auto r = stats::test_log_ratio(of.times);

  ClaimPs ps;
  if (!d.above || !d.below || (of.gain_on_control && (!c.above || !c.below))) return ps;
  ps[index_of(Claim::kBetter)] =
      std::max(d.above->p_above(0), of.gain_on_control ? c.above->p_above(0) : 0);
  ps[index_of(Claim::kWorse)] = d.below->p_below(0);
  if (!r) return ps;
  ps[index_of(Claim::kFaster)] = std::max(r->p_below(faster), d.above->p_above(-g));
  ps[index_of(Claim::kNoGain)] = std::max(r->p_above(slower), d.below->p_below(g));
  if (of.gain_on_control) {
    ps[index_of(Claim::kNoGainAtEqualTime)] = std::max(r->p_above(slower), c.below->p_below(g));
  }
  ps[index_of(Claim::kEqual)] =
      std::max({r->p_above(faster), r->p_below(slower), d.above->p_above(-g), d.below->p_below(g)});
  return ps;
}

/// Over all claims on all strategies.
std::vector<ClaimPs> adjusted(const std::vector<ClaimPs>& strategies) {
  std::vector<double> flat;
  for (const ClaimPs& ps : strategies) {
    for (const auto& p : ps) {
      if (p) flat.push_back(*p);
    }
  }
  const auto corrected = stats::holm_adjust(flat, kMaxErrorsPerStrategy * strategies.size());
  std::vector<ClaimPs> out = strategies;
  size_t next = 0;
  for (ClaimPs& ps : out) {
    for (auto& p : ps) {
      if (p) p = corrected[next++];
    }
  }
  return out;
}

/// Why a claim must not be made although the numbers bear it: there was nothing to win or lose.
/// "" = nothing speaks against it.
std::string without_room(Claim claim, const Comparison& of, double g) {
  const bool needs_room_above =
      claim == Claim::kNoGain || claim == Claim::kNoGainAtEqualTime || claim == Claim::kEqual;
  const bool needs_room_below = claim == Claim::kFaster || claim == Claim::kEqual;
  if (!of.baseline_accuracy) return "";
  if (needs_room_above && *of.baseline_accuracy > 1 - g) {
    return fmt::format(
        "the baseline is right on {:.3f} of these tasks: they leave no room for a "
        "gain of {:.3f}",
        *of.baseline_accuracy, g);
  }
  const bool is_floor = *of.baseline_accuracy < g && of.accuracy.value_or(0) < g;
  if ((needs_room_above || needs_room_below) && is_floor) {
    return fmt::format(
        "hardly any answer is right, with or without it ({:.3f} of the baseline's): "
        "these tasks are too hard to compare anything",
        *of.baseline_accuracy);
  }
  return "";
}

VerdictLabel label_of(Claim claim) {
  switch (claim) {
    case Claim::kBetter:
    case Claim::kFaster:
      return VerdictLabel::kPays;
    case Claim::kEqual:
      return VerdictLabel::kNoDifference;
    case Claim::kWorse:
    case Claim::kNoGain:
    case Claim::kNoGainAtEqualTime:
      return VerdictLabel::kDoesNotPay;
  }
  WHET_UNREACHABLE();
}

std::string why(Claim claim, bool has_control, const VerdictOptions& options) {
  const double g = options.min_gain;
  const double percent = options.min_time_gain * 100;
  switch (claim) {
    case Claim::kBetter:
      return has_control ? "better than the baseline, also at equal time"
                         : "better than the baseline";
    case Claim::kFaster:
      return fmt::format("faster by more than {:.3g} %, and a loss of {:.3f} or more is ruled out",
                         percent, g);
    case Claim::kEqual:
      return fmt::format("equal within {:.3f} accuracy and {:.3g} % of the time", g, percent);
    case Claim::kWorse:
      return "worse than the baseline";
    case Claim::kNoGain:
      return fmt::format("slower, and a gain of {:.3f} or more is ruled out", g);
    case Claim::kNoGainAtEqualTime:
      return fmt::format(
          "slower, and a gain of {:.3f} or more over what the same time buys without it is ruled "
          "out",
          g);
  }
  WHET_UNREACHABLE();
}

/// "+0.031 [-0.002, +0.064]", minus as U+2212 as in the tables.
std::string spelt(const stats::Estimate& estimate) {
  const auto number = [](double x) {
    return fmt::format("{}{:.3f}", x < 0 ? "\u2212" : "+", std::abs(x));
  };
  std::string text = number(estimate.value);
  if (estimate.interval) {
    text +=
        fmt::format(" [{}, {}]", number(estimate.interval->low), number(estimate.interval->high));
  }
  return text;
}

std::string numbers_of(const Comparison& of) {
  std::string text;
  if (of.gain_estimate) text += spelt(*of.gain_estimate) + " accuracy";
  if (of.time_ratio) {
    text += fmt::format(" for {:.2f}\u00d7 the time", of.time_ratio->value);
    if (of.time_ratio->interval) {
      text += fmt::format(" [{:.2f}, {:.2f}]", of.time_ratio->interval->low,
                          of.time_ratio->interval->high);
    }
  }
  if (of.control_estimate) {
    text += fmt::format("; against {} {}", of.control, spelt(*of.control_estimate));
  }
  return text.empty() ? text : text + ": ";
}

class Judgement {
 public:
  Judgement(const Comparison& of, const VerdictOptions& options, double alpha)
      : of_(of), options_(options), alpha_(alpha) {}

  /// `raw` and `measured` take open runs as they were graded, `cautious` counts them against each
  /// claim.
  Verdict of(const ClaimPs& raw, const ClaimPs& measured, const ClaimPs& cautious) const {
    Verdict verdict;
    for (size_t i = 0; i < kNClaims; ++i) {
      if (raw[i]) verdict.claims.push_back({static_cast<Claim>(i), *raw[i], *measured[i]});
    }
    if (const auto gain = stats::test_accuracy_difference(of_.gain.measured, options_.bootstrap)) {
      verdict.detectable_gain = gain->detectable(alpha_);
    }
    std::string obstacle;
    for (size_t i = 0; i < kNClaims; ++i) {
      if (!measured[i] || !is_shown(*measured[i])) continue;
      const auto claim = static_cast<Claim>(i);
      std::string without = without_room(claim, of_, options_.min_gain);
      if (without.empty() && !(cautious[i] && is_shown(*cautious[i]))) {
        without = fmt::format("{}, and these could decide", of_.open_runs);
      }
      if (without.empty()) {
        verdict.claim = claim;
        verdict.label = label_of(claim);
        verdict.reason = sentence(why(claim, of_.gain_on_control.has_value(), options_));
        return verdict;
      }
      if (obstacle.empty()) obstacle = without;
    }
    verdict.reason = sentence(obstacle.empty() ? why_undecided(raw, verdict) : obstacle);
    return verdict;
  }

 private:
  /// 1 - 0.95 in doubles is a little more than 0.05.
  bool is_shown(double p) const { return p < options_.alpha - 1e-12; }

  std::string sentence(const std::string& text) const { return numbers_of(of_) + text + "."; }

  std::string why_undecided(const ClaimPs& raw, const Verdict& verdict) const {
    if (!verdict.detectable_gain) return "there are too few graded tasks in common";
    const auto passes_alone = [&](Claim claim) {
      return raw[index_of(claim)] && is_shown(2 * *raw[index_of(claim)]);
    };
    // A gain above what is left to gain is none that any answer could show.
    const bool none = *verdict.detectable_gain > 1 - of_.baseline_accuracy.value_or(0);
    const std::string hint =
        none ? std::string("; so few tasks would show no gain at all")
             : fmt::format("; this n would show a gain of {:.3f}", *verdict.detectable_gain);
    if (passes_alone(Claim::kBetter)) {
      return "the gain does not survive the correction for several comparisons" + hint;
    }
    const auto gain = stats::test_accuracy_difference(of_.gain.measured, options_.bootstrap);
    if (of_.gain_on_control && gain->p_above(0) < alpha_) {
      return "better than the baseline, but not shown to be better at equal time" + hint;
    }
    return "neither a gain nor its absence is shown" + hint;
  }

  const Comparison& of_;
  const VerdictOptions& options_;
  double alpha_;  // of the first step of the correction
};

}  // namespace

double level_of_one_claim(double alpha, size_t n_strategies) {
  return alpha / static_cast<double>(kMaxErrorsPerStrategy * n_strategies);
}

std::vector<Verdict> judge(const std::vector<Comparison>& strategies,
                           const VerdictOptions& options) {
  std::vector<ClaimPs> raw;
  std::vector<ClaimPs> raw_cautious;
  for (const Comparison& strategy : strategies) {
    raw.push_back(test_claims(strategy, options, false));
    raw_cautious.push_back(strategy.open_runs.empty() ? raw.back()
                                                      : test_claims(strategy, options, true));
  }
  const auto measured = adjusted(raw);
  const auto cautious = adjusted(raw_cautious);
  const double alpha = level_of_one_claim(options.alpha, strategies.size());
  std::vector<Verdict> verdicts;
  for (size_t i = 0; i < strategies.size(); ++i) {
    verdicts.push_back(
        Judgement(strategies[i], options, alpha).of(raw[i], measured[i], cautious[i]));
  }
  return verdicts;
}

}  // namespace whet::experiment
