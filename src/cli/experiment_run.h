// An experiment at the terminal: progress on stderr, an interrupt that keeps what is finished, then
// the report's tables and files.
#pragma once

#include <span>
#include <vector>

#include "base/result.h"
#include "cli/experiment_flags.h"
#include "cli/variants.h"
#include "experiment/run.h"
#include "report/technique_table.h"

namespace whet {

/// Errors: those of run_experiment().
Result<experiment::ExperimentResult> run_plan(const ExperimentFlags& flags,
                                              const experiment::Plan& plan, Generator& generator,
                                              std::span<const OpenedVariant> variants = {});

/// Prints and writes the report, `techniques` on its page; returns the exit status, which tells a
/// stopped run.
int report_results(const ExperimentFlags& flags, const experiment::ExperimentResult& result,
                   std::vector<report::TechniqueRow> techniques = {});

}  // namespace whet
