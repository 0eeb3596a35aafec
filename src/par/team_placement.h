// Which NUMA node each member of a team runs on.
#pragma once

#include <vector>

#include "sys/machine.h"

namespace whet {

/// Node (index into `nodes`) of each of `threads` members: members of a node follow each other, and
/// nodes get members in proportion to their CPUs, the first ones rounded up. `nodes` not empty.
std::vector<int> place_team(int threads, const std::vector<NumaNode>& nodes);

}  // namespace whet
