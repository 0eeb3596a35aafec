#include "experiment/verdict.h"

#include <fmt/format.h>

#include "base/check.h"

namespace whet::experiment {
namespace {

std::string spelt(const stats::Estimate& estimate) {
  return fmt::format("{:+.3f} [{:+.3f}, {:+.3f}]", estimate.value, estimate.interval->low,
                     estimate.interval->high);
}

bool usable(const std::optional<stats::Estimate>& estimate) {
  return estimate && estimate->interval;
}

/// p < 1 - level, where 1 - 0.95 in doubles is a little more than 0.05.
bool is_below_alpha(double p, double level) {
  return p + level < 1 - 1e-12;
}

}  // namespace

std::string_view verdict_label_name(VerdictLabel label) {
  switch (label) {
    case VerdictLabel::kPays:
      return "pays";
    case VerdictLabel::kDoesNotPay:
      return "does not pay";
    case VerdictLabel::kCannotTell:
      return "cannot tell at this n";
  }
  WHET_UNREACHABLE();
}

Verdict judge(const Evidence& evidence) {
  if (!usable(evidence.gain)) {
    return {VerdictLabel::kCannotTell,
            "There are too few graded tasks in common with the baseline."};
  }
  const stats::Interval d = *evidence.gain->interval;
  const double g = evidence.min_gain;
  const bool has_control = usable(evidence.gain_on_control);
  const bool has_ratio = usable(evidence.time_ratio);
  const std::string gain = fmt::format("{} accuracy", spelt(*evidence.gain));
  const std::string time =
      has_ratio
          ? fmt::format(" for {:.2f}x the time [{:.2f}, {:.2f}]", evidence.time_ratio->value,
                        evidence.time_ratio->interval->low, evidence.time_ratio->interval->high)
          : "";
  const std::string control = has_control
                                  ? fmt::format("; against the baseline given the same time {}",
                                                spelt(*evidence.gain_on_control))
                                  : "";
  const auto verdict = [&](VerdictLabel label, const std::string& why) {
    return Verdict{label, fmt::format("{}{}{}: {}.", gain, time, control, why)};
  };

  const bool is_better = d.low > 0;
  const bool is_significant =
      evidence.p_adjusted && is_below_alpha(*evidence.p_adjusted, evidence.level);
  const bool beats_control = !has_control || evidence.gain_on_control->interval->low > 0;
  if (is_better && is_significant && beats_control) {
    return verdict(VerdictLabel::kPays, has_control ? "better than the baseline, also at equal time"
                                                    : "better than the baseline");
  }
  if (has_ratio && evidence.time_ratio->interval->high < 1 && d.low > -g) {
    return verdict(VerdictLabel::kPays,
                   fmt::format("faster, and a loss of {:.3f} or more is ruled out", g));
  }
  if (d.high < 0) return verdict(VerdictLabel::kDoesNotPay, "worse than the baseline");
  if (has_control && evidence.gain_on_control->interval->high <= 0) {
    return verdict(VerdictLabel::kDoesNotPay, "the same time buys at least as much without it");
  }
  if (has_ratio && evidence.time_ratio->interval->low > 1 && d.high < g) {
    return verdict(VerdictLabel::kDoesNotPay,
                   fmt::format("slower, and a gain of {:.3f} or more is ruled out", g));
  }
  if (is_better && is_significant) {
    return verdict(VerdictLabel::kCannotTell,
                   "better than the baseline, but not shown to be better at equal time");
  }
  if (is_better) {
    return verdict(VerdictLabel::kCannotTell,
                   "the gain does not survive the correction for several comparisons");
  }
  return verdict(VerdictLabel::kCannotTell, "the interval holds both a gain and none");
}

}  // namespace whet::experiment
