#include <fmt/format.h>

#include "report/report.h"
#include "report/text.h"

namespace whet::report {
namespace {

/// Collects printable facts; leaves out what is missing.
class Facts {
 public:
  Facts(std::vector<FactGroup>& groups, const char* heading)
      : groups_(groups), group_{heading, {}} {}
  ~Facts() {
    if (!group_.facts.empty()) groups_.push_back(std::move(group_));
  }
  Facts(const Facts&) = delete;

  void add(const std::string& label, const std::optional<std::string>& value) {
    if (value && !value->empty()) group_.facts.emplace_back(label, *value);
  }
  void add_count(const char* label, std::optional<int64_t> value) {
    if (value) add(label, format_count(value));
  }
  void add_bytes(const char* label, std::optional<int64_t> value) {
    if (value) add(label, format_bytes(value));
  }
  void add_number(const char* label, std::optional<double> value) {
    if (value) add(label, fmt::format("{:.6g}", *value));
  }
  void add_seconds(const char* label, std::optional<double> value) {
    if (value) add(label, format_duration_s(value));
  }

 private:
  std::vector<FactGroup>& groups_;
  FactGroup group_;
};

std::string short_hash(const std::string& hash) {
  return hash.size() > 16 ? hash.substr(0, 16) + "\u2026" : hash;
}

void add_model(std::vector<FactGroup>& groups, const results::ModelInfo& model) {
  Facts facts(groups, "Model");
  facts.add("Name", model.name);
  facts.add("File", model.path);
  facts.add("Endpoint", model.endpoint);
  facts.add("Architecture", model.architecture);
  facts.add_count("Parameters", model.n_parameters);
  facts.add("Type", model.type);
  facts.add_bytes("Size", model.size_bytes);
  facts.add_count("Context", model.context_tokens);
  facts.add("Cache", model.cache_type);
  facts.add("Weights", model.weights);
  facts.add("Arithmetic", model.arithmetic);
  facts.add("Chat template", model.chat_template);
  facts.add("SHA-256", model.sha256);
}

void add_machine(std::vector<FactGroup>& groups, const results::MachineDescription& machine) {
  Facts facts(groups, "Machine");
  facts.add("CPU", machine.cpu);
  facts.add_count("Physical cores", machine.n_physical_cores);
  facts.add_count("Logical cores", machine.n_logical_cores);
  facts.add_number("CPU quota", machine.cpu_quota);
  facts.add_bytes("Memory", machine.memory_bytes);
  if (machine.memory_bandwidth_bytes_s) {
    facts.add("Memory bandwidth",
              format_number(*machine.memory_bandwidth_bytes_s / 1e9) + " GB/s, measured");
  }
  facts.add("Kernel", machine.kernel);
  facts.add("System", machine.os);
  facts.add_number("Load at start", machine.load_average);
}

void add_program(std::vector<FactGroup>& groups, const results::WhetInfo& whet) {
  Facts facts(groups, "Program");
  facts.add("Version", whet.version);
  if (whet.commit && !whet.commit->empty())
    facts.add("Commit", *whet.commit + (whet.dirty.value_or(false) ? " with local changes" : ""));
  facts.add("Compiler", whet.compiler);
  facts.add("Flags", whet.flags);
  facts.add("Build type", whet.build_type);
  facts.add("Instruction set", whet.isa);
  facts.add_count("Threads", whet.threads);
}

void add_tasks(std::vector<FactGroup>& groups, const results::Tasks& tasks) {
  Facts facts(groups, "Tasks");
  facts.add_count("Tasks", tasks.n_tasks);
  for (const auto& family : tasks.families) facts.add(family.name, format_count(family.n_tasks));
  for (const auto& file : tasks.files) {
    facts.add("File",
              fmt::format("{} ({} tasks, SHA-256 {})", file.path, format_count(file.n_tasks),
                          short_hash(file.sha256.value_or(""))));
  }
}

void add_sampling(std::vector<FactGroup>& groups, const Report& report) {
  Facts facts(groups, "Sampling and limits");
  for (const auto& [name, value] : report.sampling) facts.add(name, value);
  facts.add("Seeds", fmt::format("{}", fmt::join(report.seeds, ", ")));
  facts.add_count("Tokens per completion", report.limits.max_tokens);
  facts.add_count("Context limit", report.limits.context_tokens);
  facts.add_seconds("Time limit", report.limits.time_s);
  facts.add_seconds("Time limit per task", report.limits.time_per_task_s);
  if (const auto& sandbox = report.sandbox) {
    facts.add("Sandbox for code", sandbox->available ? "available, " + sandbox->kind
                                                     : "not available: " + sandbox->reason);
  }
}

void add_design(std::vector<FactGroup>& groups, const results::Design& design) {
  Facts facts(groups, "Statistics");
  facts.add("Baseline", design.baseline);
  facts.add_number("Interval level", design.level);
  facts.add_count("Bootstrap resamples", design.n_resamples);
  if (design.bootstrap_seed) facts.add("Bootstrap seed", std::to_string(*design.bootstrap_seed));
  facts.add("Order of runs", design.order);
  facts.add("Correction", design.correction);
  facts.add("Control", design.control);
  facts.add_number("Smallest gain worth having", design.min_gain);
  facts.add_number("Smallest share of time worth saving", design.min_time_gain);
  facts.add_number("Level of this look's verdicts", design.alpha);
  facts.add_count("Warm-up runs dropped", design.warmup);
}

}  // namespace

std::vector<FactGroup> facts_of(const Report& report) {
  std::vector<FactGroup> groups;
  add_model(groups, report.model);
  add_machine(groups, report.machine);
  add_program(groups, report.whet);
  add_tasks(groups, report.tasks);
  add_sampling(groups, report);
  add_design(groups, report.design);
  return groups;
}

}  // namespace whet::report
