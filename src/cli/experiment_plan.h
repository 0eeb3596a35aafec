// The plan of an experiment on an opened model: what flags ask for, and what answers.
#pragma once

#include "base/result.h"
#include "cli/experiment_flags.h"
#include "experiment/plan.h"

namespace whet {

/// The plan up to its title and its strategies: tasks, seeds, limits, the program, the model and
/// the bandwidth of this machine. Errors: those of the flags and of reading the model's files.
Result<experiment::Plan> make_plan(const ExperimentFlags& flags, const OpenedModel& opened);

}  // namespace whet
