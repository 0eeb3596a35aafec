// What this machine offers the process: CPUs that it may use, memory, names.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace whet {

struct CpuLimits {
  int affinity_cpus;                 // CPUs that the scheduler may place us on
  std::optional<double> quota_cpus;  // cgroup v1/v2 CPU quota, in CPUs
  /// Threads worth running: the affinity set, cut to the quota (rounded down, at least 1).
  int usable_threads() const;
};
CpuLimits cpu_limits();

/// A NUMA node and those of its CPUs that this process may run on.
struct NumaNode {
  std::vector<int> cpus;
};
/// The nodes with a usable CPU, at least one. Machines without NUMA are one node.
std::vector<NumaNode> numa_nodes();
/// Keeps the calling thread on the CPUs of `node`; false where the kernel refuses.
bool bind_thread(const NumaNode& node);

/// "0-3,8" to {0, 1, 2, 3, 8}, the kernel's notation of CPU sets; what is not such a list is empty.
std::vector<int> parse_cpu_list(const std::string& text);

struct MachineInfo {
  std::string cpu_name;
  std::string kernel;  // "Linux 6.1.0"
  uint64_t memory_bytes;
};
MachineInfo machine_info();

/// Memory that this process can still have without swapping: what the system reports as available,
/// cut to the cgroup's limit. nullopt if unknown.
std::optional<uint64_t> available_memory_bytes();

/// The arguments that this process was started with, argv[0] first.
std::vector<std::string> process_arguments();

/// Peak resident set of this process in bytes since start or the last reset; nullopt if unknown.
std::optional<uint64_t> peak_rss_bytes();
/// Current resident set in bytes; nullopt if unknown.
std::optional<uint64_t> current_rss_bytes();
/// Starts a new peak; false where the kernel does not allow it.
bool reset_peak_rss();

}  // namespace whet
