#include "experiment/document.h"

#include <fmt/format.h>
#include <unistd.h>

#include <fstream>
#include <map>
#include <set>
#include <string>

#include "experiment/caveats.h"
#include "results/event_log.h"
#include "sys/machine.h"

namespace whet::experiment {
namespace {

/// PRETTY_NAME of /etc/os-release.
std::string os_name() {
  std::ifstream file("/etc/os-release");
  for (std::string line; std::getline(file, line);) {
    constexpr std::string_view kKey = "PRETTY_NAME=";
    if (!line.starts_with(kKey)) continue;
    std::string name = line.substr(kKey.size());
    std::erase(name, '"');
    return name;
  }
  return "";
}

/// Distinct (package, core) pairs of /proc/cpuinfo; none where it does not list them.
std::optional<int64_t> physical_cores() {
  std::ifstream file("/proc/cpuinfo");
  std::set<std::pair<std::string, std::string>> cores;
  std::string package;
  for (std::string line; std::getline(file, line);) {
    const size_t colon = line.find(':');
    if (colon == std::string::npos) continue;
    if (line.starts_with("physical id")) package = line.substr(colon + 1);
    if (line.starts_with("core id")) cores.emplace(package, line.substr(colon + 1));
  }
  if (cores.empty()) return std::nullopt;
  return static_cast<int64_t>(cores.size());
}

results::MachineDescription machine_of(const Plan& plan, const RunStatus& status) {
  const MachineInfo machine = machine_info();
  return {.cpu = machine.cpu_name,
          .n_physical_cores = physical_cores(),
          .n_logical_cores = ::sysconf(_SC_NPROCESSORS_ONLN),
          .cpu_quota = cpu_limits().quota_cpus,
          .memory_bytes = static_cast<int64_t>(machine.memory_bytes),
          .kernel = machine.kernel,
          .os = os_name(),
          .load_average = status.load_average,
          .memory_bandwidth_bytes_s = plan.memory_bandwidth_bytes_s};
}

results::Settings settings_of(const SamplingParams& sampling) {
  const auto text = [](auto value) { return fmt::format("{}", value); };
  return {{"temperature", text(sampling.temperature)},
          {"top_k", text(sampling.top_k)},
          {"top_p", text(sampling.top_p)},
          {"min_p", text(sampling.min_p)},
          {"repeat_penalty", text(sampling.repeat_penalty)},
          {"presence_penalty", text(sampling.presence_penalty)},
          {"frequency_penalty", text(sampling.frequency_penalty)},
          {"repeat_last_n", text(sampling.repeat_last_n)}};
}

results::Tasks tasks_of(const Plan& plan, const std::vector<std::string>& families) {
  results::Tasks tasks{static_cast<int64_t>(plan.tasks.size()), plan.task_files, {}};
  std::map<std::string, int64_t> sizes;
  for (const eval::Task& task : plan.tasks) ++sizes[task.family];
  for (const std::string& family : families) tasks.families.push_back({family, sizes[family]});
  return tasks;
}

}  // namespace

results::Document make_document(const Plan& plan, std::vector<StrategyResult> strategies,
                                const MetricOptions& metrics, const RunStatus& status,
                                const results::SandboxStatus& sandbox) {
  results::Document document;
  document.title = plan.title;
  document.created = results::utc_now();
  document.command = plan.command;
  document.status = status;
  document.whet = plan.whet;
  document.machine = machine_of(plan, status);
  document.model = plan.model;
  document.sampling = settings_of(plan.sampling);
  document.seeds = plan.seeds;
  document.tasks = tasks_of(plan, metrics.families);
  if (plan.max_tokens >= 0) document.limits.max_tokens = plan.max_tokens;
  document.limits.context_tokens = plan.model.context_tokens;
  document.limits.time_s = plan.time_limit_s;
  document.limits.time_per_task_s = plan.task_time_limit_s;
  document.sandbox = sandbox;
  document.design = {
      .baseline = metrics.baseline,
      .level = metrics.bootstrap.level,
      .n_resamples = metrics.bootstrap.n_resamples,
      .bootstrap_seed = metrics.bootstrap.seed,
      .order = "task by task, families in turns, strategies in rotating order, controls after them",
      .correction = "Holm over all claims",
      .min_gain = plan.min_gain,
      .min_time_gain = plan.min_time_gain,
      .warmup = plan.warmup,
      .alpha = metrics.alpha,
      .control = plan.same_time_controls ? plan.control : "",
      .system = plan.system};
  document.notes =
      caveats(plan, status, strategies, static_cast<int>(::sysconf(_SC_NPROCESSORS_ONLN)));
  document.notes.insert(document.notes.end(), plan.notes.begin(), plan.notes.end());
  document.strategies = std::move(strategies);
  return document;
}

}  // namespace whet::experiment
