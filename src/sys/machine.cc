#include "sys/machine.h"

#include <sched.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <fstream>
#include <string_view>

#include "sys/cgroup.h"
#include "sys/number_file.h"

namespace whet {
namespace {

std::optional<uint64_t> status_kib(std::string_view key) {
  auto value = number_after("/proc/self/status", key);
  if (!value) return std::nullopt;
  return static_cast<uint64_t>(*value) * 1024;
}

}  // namespace

int CpuLimits::usable_threads() const {
  int threads = affinity_cpus;
  if (quota_cpus) threads = std::min(threads, static_cast<int>(*quota_cpus));
  return std::max(threads, 1);
}

CpuLimits cpu_limits() {
  cpu_set_t set;
  CPU_ZERO(&set);
  int affinity = ::sched_getaffinity(0, sizeof(set), &set) == 0
                     ? CPU_COUNT(&set)
                     : static_cast<int>(::sysconf(_SC_NPROCESSORS_ONLN));
  return {std::max(affinity, 1), cgroup_cpu_quota(cgroup_hierarchies("cpu"))};
}

std::optional<uint64_t> available_memory_bytes() {
  auto system = number_after("/proc/meminfo", "MemAvailable:");
  auto cgroup = cgroup_memory_left(cgroup_hierarchies("memory"));
  if (!system) return cgroup;
  auto bytes = static_cast<uint64_t>(*system) * 1024;
  return cgroup ? std::min(bytes, *cgroup) : bytes;
}

std::vector<int> parse_cpu_list(const std::string& text) {
  constexpr int kMostCpus = CPU_SETSIZE;
  std::vector<int> cpus;
  const char *at = text.data(), *end = at + text.size();
  while (at != end) {
    int first = 0;
    auto parsed = std::from_chars(at, end, first);
    if (parsed.ec != std::errc()) return {};
    int last = first;
    if (parsed.ptr != end && *parsed.ptr == '-') {
      parsed = std::from_chars(parsed.ptr + 1, end, last);
      if (parsed.ec != std::errc()) return {};
    }
    if (first < 0 || last < first || last >= kMostCpus) return {};
    for (int cpu = first; cpu <= last; ++cpu) cpus.push_back(cpu);
    at = parsed.ptr;
    if (at != end && (*at++ != ',' || at == end)) return {};
  }
  return cpus;
}

std::vector<NumaNode> numa_nodes() {
  cpu_set_t usable;
  CPU_ZERO(&usable);
  if (::sched_getaffinity(0, sizeof(usable), &usable) != 0) return {{{0}}};
  std::vector<NumaNode> nodes;
  const std::string path = "/sys/devices/system/node/";
  for (int id : parse_cpu_list(first_line(path + "online"))) {
    NumaNode node;
    for (int cpu : parse_cpu_list(first_line(path + "node" + std::to_string(id) + "/cpulist"))) {
      if (CPU_ISSET(cpu, &usable)) node.cpus.push_back(cpu);
    }
    if (!node.cpus.empty()) nodes.push_back(std::move(node));
  }
  if (!nodes.empty()) return nodes;
  NumaNode only;
  for (int cpu = 0; cpu < CPU_SETSIZE; ++cpu) {
    if (CPU_ISSET(cpu, &usable)) only.cpus.push_back(cpu);
  }
  return {only};
}

bool bind_thread(const NumaNode& node) {
  cpu_set_t set;
  CPU_ZERO(&set);
  for (int cpu : node.cpus) CPU_SET(cpu, &set);
  return ::sched_setaffinity(0, sizeof(set), &set) == 0;
}

MachineInfo machine_info() {
  MachineInfo info{"unknown CPU", "unknown kernel", 0};
  std::ifstream cpuinfo("/proc/cpuinfo");
  for (std::string line; std::getline(cpuinfo, line);) {
    if (line.rfind("model name", 0) == 0 && line.find(": ") != std::string::npos) {
      info.cpu_name = line.substr(line.find(": ") + 2);
      break;
    }
  }
  utsname names{};
  if (::uname(&names) == 0) info.kernel = std::string(names.sysname) + " " + names.release;
  info.memory_bytes = static_cast<uint64_t>(::sysconf(_SC_PHYS_PAGES)) *
                      static_cast<uint64_t>(::sysconf(_SC_PAGESIZE));
  return info;
}

std::vector<std::string> process_arguments() {
  std::ifstream in("/proc/self/cmdline", std::ios::binary);
  std::vector<std::string> arguments;
  for (std::string argument; std::getline(in, argument, '\0');) arguments.push_back(argument);
  return arguments;
}

std::optional<uint64_t> peak_rss_bytes() {
  return status_kib("VmHWM:");
}
std::optional<uint64_t> current_rss_bytes() {
  return status_kib("VmRSS:");
}

bool reset_peak_rss() {
  std::ofstream out("/proc/self/clear_refs");
  out << "5";
  out.flush();
  return static_cast<bool>(out);
}

}  // namespace whet
