// What a reader must know before the numbers of an experiment: cut answers, raw prompts, tasks
// without room, a machine that was not alone. The notes of a results document.
#pragma once

#include <string>
#include <vector>

#include "experiment/document.h"
#include "experiment/metrics.h"
#include "experiment/plan.h"

namespace whet::experiment {

/// One sentence each, the gravest first. `n_cpus`: CPUs of the machine.
std::vector<std::string> caveats(const Plan& plan, const RunStatus& status,
                                 const std::vector<StrategyResult>& summaries, int n_cpus);

}  // namespace whet::experiment
