// The results document of a run: its plan, its numbers, the machine.
#pragma once

#include <vector>

#include "experiment/metrics.h"
#include "experiment/plan.h"
#include "results/document.h"

namespace whet::experiment {

/// What a run adds to its plan.
struct RunStatus : results::Progress {
  double load_average = 0;  // at the start
};

/// Without events.
results::Document make_document(const Plan& plan, std::vector<StrategyResult> strategies,
                                const MetricOptions& metrics, const RunStatus& status,
                                const results::SandboxStatus& sandbox);

}  // namespace whet::experiment
