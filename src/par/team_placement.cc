#include "par/team_placement.h"

#include "base/check.h"
#include "base/checked_math.h"

namespace whet {

std::vector<int> place_team(int threads, const std::vector<NumaNode>& nodes) {
  WHET_CHECK(threads >= 1 && !nodes.empty());
  int64_t all_cpus = 0;
  for (const NumaNode& node : nodes) all_cpus += static_cast<int64_t>(node.cpus.size());
  WHET_CHECK(all_cpus > 0);
  std::vector<int> node_of_member;
  int64_t cpus = 0;
  for (size_t node = 0; node < nodes.size(); ++node) {
    cpus += static_cast<int64_t>(nodes[node].cpus.size());
    const auto members_so_far = static_cast<size_t>(ceil_div(threads * cpus, all_cpus));
    node_of_member.resize(members_so_far, static_cast<int>(node));
  }
  return node_of_member;
}

}  // namespace whet
