// What stepping through a network relies on: which rules may be empty, what can be completed, and
// an order of the rules that left recursion would not have.
#pragma once

#include "grammar/network.h"

namespace whet::grammar {

/// Fills State::productive, State::tail_call, Rule::nullable, Rule::order and Network::rule_at.
/// Errors: left recursion, a root that nothing can complete.
Status analyse(Network& network);

}  // namespace whet::grammar
