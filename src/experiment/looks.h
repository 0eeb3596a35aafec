// Looks: the times that numbers were made of one record. Whoever goes on until they look right errs
// more often, so each look has a level of its own, and all of them together what one would have.
#pragma once

#include "results/document.h"

namespace whet::experiment {

/// The level of verdicts made at the last of `status.looks`: all of `alpha` at a single look at the
/// complete record, else what alpha spending leaves (stats/alpha_spending.h). Runs are the measure
/// of the data.
double alpha_of_last_look(const results::Progress& status, double alpha);

}  // namespace whet::experiment
