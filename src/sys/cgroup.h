// Control groups (cgroups) of this process: where their files lie, and what they grant. Version 2,
// version 1 and machines that have both.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace whet {

struct CgroupHierarchy {
  int version;
  /// This process's own group first, then its ancestors as far as they can be seen from here.
  std::vector<std::string> directories;
};

/// The hierarchies that may limit `controller` ("cpu", "memory") for this process.
std::vector<CgroupHierarchy> cgroup_hierarchies(std::string_view controller);
/// The same from the texts of /proc/self/cgroup and /proc/self/mountinfo, whether or not the
/// directories exist.
std::vector<CgroupHierarchy> parse_cgroups(std::string_view controller, std::string_view groups,
                                           std::string_view mounts);

/// CPUs that the tightest quota on the way to the root grants; nullopt: none.
std::optional<double> cgroup_cpu_quota(const std::vector<CgroupHierarchy>& hierarchies);
/// The tightest limit less the anonymous memory under it (cached files give way), in bytes;
/// nullopt: no limit.
std::optional<uint64_t> cgroup_memory_left(const std::vector<CgroupHierarchy>& hierarchies);

}  // namespace whet
