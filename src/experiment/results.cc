#include "experiment/results.h"

#include <sys/utsname.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <fstream>
#include <map>
#include <set>

#include "experiment/caveats.h"
#include "experiment/event_log.h"
#include "sys/machine.h"

namespace whet::experiment {
namespace {

using nlohmann::json;
using stats::Estimate;

template <typename T>
json or_null(const std::optional<T>& value) {
  return value ? json(*value) : json(nullptr);
}

json text_or_null(const std::string& text) {
  return text.empty() ? json(nullptr) : json(text);
}

json to_json(const Estimate& estimate) {
  return {{"value", estimate.value},
          {"low", estimate.interval ? json(estimate.interval->low) : json(nullptr)},
          {"high", estimate.interval ? json(estimate.interval->high) : json(nullptr)},
          {"level", estimate.level},
          {"method", estimate.method},
          {"n", estimate.n}};
}

json to_json(const std::optional<Estimate>& estimate) {
  return estimate ? to_json(*estimate) : json(nullptr);
}

json to_json(const std::optional<stats::Difference>& difference) {
  if (!difference) return nullptr;
  json out = to_json(difference->estimate);
  out["p"] = or_null(difference->p);
  out["test"] = text_or_null(difference->test);
  return out;
}

json to_json(const std::optional<Latency>& latency) {
  if (!latency) return nullptr;
  json out = to_json(latency->median);
  out["p95"] = or_null(latency->p95);
  out["mean"] = or_null(latency->mean);
  return out;
}

json to_json(const Totals& totals) {
  return {{"total", totals.total}, {"per_task", or_null(totals.per_task)}};
}

/// An option's value as a number where it is one.
json scalar(const std::string& text) {
  double number{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size()) return text;
  if (number == static_cast<double>(static_cast<int64_t>(number)) &&
      text.find('.') == std::string::npos) {
    return static_cast<int64_t>(number);
  }
  return number;
}

json families_json(const Summary& summary) {
  json families = json::array();
  for (const FamilySummary& family : summary.families) {
    families.push_back({{"family", family.family},
                        {"n_tasks", family.n_tasks},
                        {"n_runs", family.n_runs},
                        {"n_graded", family.n_graded},
                        {"n_correct", family.n_correct},
                        {"accuracy", to_json(family.accuracy)},
                        {"difference_to_baseline", to_json(family.difference_to_baseline)}});
  }
  return families;
}

json scores_json(const std::optional<Scores>& scores) {
  if (!scores) return nullptr;
  return {{"auroc", to_json(scores->auroc)},
          {"n_candidates", scores->n_candidates},
          {"oracle_accuracy", to_json(scores->oracle_accuracy)}};
}

json verdict_json(const std::optional<Verdict>& verdict) {
  if (!verdict) return nullptr;
  json claims = json::array();
  for (const ClaimTest& test : verdict->claims) {
    claims.push_back(
        {{"claim", claim_name(test.claim)}, {"p", test.p}, {"p_adjusted", test.p_adjusted}});
  }
  return {{"label", verdict_label_name(verdict->label)},
          {"claim", verdict->claim ? json(claim_name(*verdict->claim)) : json(nullptr)},
          {"reason", verdict->reason},
          {"claims", std::move(claims)},
          {"detectable_gain", or_null(verdict->detectable_gain)}};
}

json strategy_json(const Summary& summary) {
  json options = json::object();
  for (const auto& [name, value] : summary.row.options) options[name] = scalar(value);
  json not_graded = json::array();
  for (const auto& [reason, n] : summary.not_graded) {
    not_graded.push_back({{"reason", reason}, {"n", n}});
  }
  json control = to_json(summary.difference_to_control);
  if (!control.is_null()) control["control"] = summary.control;
  return {{"name", summary.row.name},
          {"label", or_null(summary.row.label)},
          {"kind", summary.row.kind},
          {"controls", summary.row.controls},
          {"description", text_or_null(summary.row.description)},
          {"options", std::move(options)},
          {"n_tasks", summary.n_tasks},
          {"n_runs", summary.n_runs},
          {"n_graded", summary.n_graded},
          {"n_not_graded", summary.n_runs - summary.n_graded},
          {"n_correct", summary.n_correct},
          {"n_strict", summary.n_strict},
          {"n_fell_back", summary.n_fell_back},
          {"not_graded", std::move(not_graded)},
          {"n_truncated", summary.n_truncated},
          {"n_cut", summary.n_cut},
          {"n_errors", summary.n_errors},
          {"accuracy", to_json(summary.accuracy)},
          {"strict_accuracy", to_json(summary.strict_accuracy)},
          {"families", families_json(summary)},
          {"difference_to_baseline", to_json(summary.difference_to_baseline)},
          {"difference_to_control", std::move(control)},
          {"prompt_tokens", to_json(summary.prompt_tokens)},
          {"completion_tokens", to_json(summary.completion_tokens)},
          {"n_calls", to_json(summary.n_calls)},
          {"latency_s", to_json(summary.latency_s)},
          {"first_token_s", to_json(summary.first_token_s)},
          {"generation_tok_s", to_json(summary.generation_tok_s)},
          {"cost_ratio_tokens", to_json(summary.cost_ratio_tokens)},
          {"cost_ratio_time", to_json(summary.cost_ratio_time)},
          {"total_ratio_tokens", to_json(summary.total_ratio_tokens)},
          {"total_ratio_time", to_json(summary.total_ratio_time)},
          {"other_cpus", or_null(summary.other_cpus)},
          {"stolen_cpus", or_null(summary.stolen_cpus)},
          {"peak_rss_bytes", or_null(summary.peak_rss_bytes)},
          {"kv_bytes", or_null(summary.kv_bytes)},
          {"scores", scores_json(summary.scores)},
          {"verdict", verdict_json(summary.verdict)}};
}

json whet_json(const WhetInfo& whet) {
  return {{"version", text_or_null(whet.version)},
          {"commit", or_null(whet.commit)},
          {"dirty", or_null(whet.dirty)},
          {"compiler", text_or_null(whet.compiler)},
          {"flags", text_or_null(whet.flags)},
          {"build_type", text_or_null(whet.build_type)},
          {"isa", text_or_null(whet.isa)},
          {"threads", whet.threads > 0 ? json(whet.threads) : json(nullptr)}};
}

json model_json(const ModelInfo& model) {
  json out = {{"path", text_or_null(model.path)},
              {"name", text_or_null(model.name)},
              {"architecture", or_null(model.architecture)},
              {"n_parameters", or_null(model.n_parameters)},
              {"type", or_null(model.type)},
              {"size_bytes", or_null(model.size_bytes)},
              {"sha256", or_null(model.sha256)},
              {"context_tokens", or_null(model.context_tokens)},
              {"chat_template", or_null(model.chat_template)}};
  if (model.endpoint) {
    out["endpoint"] = *model.endpoint;
  } else {
    out["cache_type"] = model.cache_type;
    out["weights"] = model.weights;
    out["arithmetic"] = model.exact ? "exact" : "quantised";
  }
  return out;
}

/// PRETTY_NAME of /etc/os-release.
std::optional<std::string> os_name() {
  std::ifstream file("/etc/os-release");
  for (std::string line; std::getline(file, line);) {
    constexpr std::string_view kKey = "PRETTY_NAME=";
    if (!line.starts_with(kKey)) continue;
    std::string name = line.substr(kKey.size());
    std::erase(name, '"');
    return name;
  }
  return std::nullopt;
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

json machine_json(const Plan& plan, const RunStatus& status) {
  const MachineInfo machine = machine_info();
  const CpuLimits limits = cpu_limits();
  return {{"cpu", text_or_null(machine.cpu_name)},
          {"n_physical_cores", or_null(physical_cores())},
          {"n_logical_cores", ::sysconf(_SC_NPROCESSORS_ONLN)},
          {"cpu_quota", or_null(limits.quota_cpus)},
          {"memory_bytes", machine.memory_bytes},
          {"kernel", text_or_null(machine.kernel)},
          {"os", or_null(os_name())},
          {"load_average", status.load_average},
          {"memory_bandwidth_bytes_s", or_null(plan.memory_bandwidth_bytes_s)}};
}

json sampling_json(const SamplingParams& sampling) {
  return {{"temperature", sampling.temperature},
          {"top_k", sampling.top_k},
          {"top_p", sampling.top_p},
          {"min_p", sampling.min_p},
          {"repeat_penalty", sampling.repeat_penalty},
          {"presence_penalty", sampling.presence_penalty},
          {"frequency_penalty", sampling.frequency_penalty},
          {"repeat_last_n", sampling.repeat_last_n}};
}

json tasks_json(const Plan& plan, const std::vector<std::string>& families) {
  json files = json::array();
  for (const TaskFile& file : plan.task_files) {
    files.push_back({{"name", file.name},
                     {"path", file.path},
                     {"sha256", or_null(file.sha256)},
                     {"n_tasks", file.n_tasks}});
  }
  std::map<std::string, int64_t> sizes;
  for (const eval::Task& task : plan.tasks) ++sizes[task.family];
  json by_family = json::array();
  for (const std::string& family : families) {
    by_family.push_back({{"name", family}, {"n_tasks", sizes[family]}});
  }
  return {{"files", std::move(files)},
          {"n_tasks", plan.tasks.size()},
          {"families", std::move(by_family)}};
}

}  // namespace

json results_document(const Plan& plan, const std::vector<Summary>& summaries,
                      const MetricOptions& metrics, const RunStatus& status,
                      const SandboxStatus& sandbox, const EventsFile& events) {
  std::vector<std::string> notes =
      caveats(plan, status, summaries, static_cast<int>(::sysconf(_SC_NPROCESSORS_ONLN)));
  notes.insert(notes.end(), plan.notes.begin(), plan.notes.end());
  json strategies = json::array();
  for (const Summary& summary : summaries) strategies.push_back(strategy_json(summary));
  return {{"schema", "whet-results/1"},
          {"title", plan.title},
          {"created", utc_now()},
          {"command", plan.command},
          {"status",
           {{"complete", status.complete},
            {"n_planned", status.n_planned},
            {"n_done", status.n_done},
            {"wall_s", status.wall_s},
            {"stop_reason", or_null(status.stop_reason)}}},
          {"whet", whet_json(plan.whet)},
          {"machine", machine_json(plan, status)},
          {"model", model_json(plan.model)},
          {"sampling", sampling_json(plan.sampling)},
          {"seeds", plan.seeds},
          {"tasks", tasks_json(plan, metrics.families)},
          {"limits",
           {{"max_tokens", plan.max_tokens >= 0 ? json(plan.max_tokens) : json(nullptr)},
            {"context_tokens", or_null(plan.model.context_tokens)},
            {"time_s", or_null(plan.time_limit_s)},
            {"time_per_task_s", or_null(plan.task_time_limit_s)}}},
          {"sandbox",
           {{"available", sandbox.available},
            {"kind", sandbox.available ? json("bubblewrap") : json(nullptr)},
            {"reason", sandbox.available ? json(nullptr) : json(sandbox.reason)},
            {"limits", sandbox.available ? json(sandbox.limits) : json(nullptr)}}},
          {"design",
           {{"baseline", metrics.baseline},
            {"level", metrics.bootstrap.level},
            {"n_resamples", metrics.bootstrap.n_resamples},
            {"bootstrap_seed", metrics.bootstrap.seed},
            {"order",
             "task by task, families in turns, strategies in rotating order, controls after them"},
            {"correction", "Holm over all claims"},
            {"min_gain", plan.min_gain},
            {"min_time_gain", plan.min_time_gain},
            {"warmup", plan.warmup}}},
          {"strategies", std::move(strategies)},
          {"events", {{"file", events.file}, {"n", events.n}, {"sha256", events.sha256}}},
          {"notes", std::move(notes)}};
}

}  // namespace whet::experiment
