// What a strategy did, as an event of the record.
#pragma once

#include <cstdint>

#include "results/event.h"
#include "strategy/strategy.h"

namespace whet::experiment {

/// Times, tokens, the answer and every candidate of `outcome`; times count from `origin_ns`.
void fill_event(results::Event& event, const strategy::Outcome& outcome, int64_t origin_ns);

}  // namespace whet::experiment
