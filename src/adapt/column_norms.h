// What a channel's weights weigh: the score by which WINA chooses channels.
#pragma once

#include "model/forward.h"
#include "par/thread_pool.h"

namespace whet::adapt {

/// Makes a plan "wina": each channel's magnitude is multiplied, for the choice, by the root of the
/// sum of squares of the weights that it meets. Precondition: the plan is of this model.
void score_by_column_norms(const Decoder& model, ThreadPool& pool, SparsityPlan& plan);

}  // namespace whet::adapt
