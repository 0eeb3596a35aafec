// The verdict on a strategy. The rule is that of docs/results-schema.md, with its reasons in
// docs/strategies.md; nothing else decides.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "stats/estimate.h"

namespace whet::experiment {

enum class VerdictLabel { kPays, kDoesNotPay, kCannotTell };
/// "pays", "does not pay", "cannot tell at this n".
std::string_view verdict_label_name(VerdictLabel label);

/// What the rule looks at. An estimate without an interval counts as missing.
struct Evidence {
  std::optional<stats::Estimate> gain;             // d: accuracy minus the baseline's
  std::optional<double> p_adjusted;                // of d
  std::optional<stats::Estimate> gain_on_control;  // c: minus the same-time control's
  std::optional<stats::Estimate> time_ratio;       // r: time over the baseline's
  double min_gain = 0.02;                          // g
  double level = 0.95;                             // 1 - alpha
};

struct Verdict {
  VerdictLabel label = VerdictLabel::kCannotTell;
  std::string reason;  // one sentence with the numbers that decided
};

Verdict judge(const Evidence& evidence);

}  // namespace whet::experiment
