#include "cli/experiment_flags.h"

#include <fmt/format.h>

#include <charconv>

#include "cli/built_in_tasks.h"

namespace whet {

std::vector<std::string> split(const std::string& text, char separator) {
  std::vector<std::string> parts;
  size_t begin = 0;
  while (true) {
    size_t end = text.find(separator, begin);
    parts.push_back(text.substr(begin, end - begin));
    if (end == std::string::npos) return parts;
    begin = end + 1;
  }
}

void ExperimentFlags::add_to(Command& command) {
  command.add("--tasks", &tasks,
              "comma list of .jsonl files (own format, GSM8K, HumanEval), directories, or built-in "
              "families");
  command.add("-n,--limit", &limit, "most tasks; each family keeps its share of them (0 = all)")
      .at_least(0);
  command.add("-s,--seed,--seeds", &seeds, "repetitions: 1,2,3 or 1-5");
  command.add("-o,--out", &out_dir, "directory for results, pictures and the record")
      .value_name("DIRECTORY");
  command.add("--max-tokens", &max_tokens, "most tokens of one completion").at_least(1);
  command.add("--time-limit", &time_limit_s, "stop after this many seconds (0 = none)").at_least(0);
  command.add("--resume", &resume, "go on with the record in the output directory");
  command.add("--overwrite", &overwrite, "replace the record in the output directory");
  command.add("--no-code", &no_code, "run no generated code, not even in the sandbox");
  command.add("--no-charts", &no_charts, "draw no pictures");
}

Status ExperimentFlags::check() const {
  if (resume && overwrite) {
    return Error(ErrorCode::kInvalidArgument, "give one of --resume and --overwrite, not both");
  }
  WHET_TRY_STATUS(parse_seeds());
  return ok_status();
}

Result<std::vector<uint64_t>> ExperimentFlags::parse_seeds() const {
  auto number = [](std::string_view s) -> std::optional<uint64_t> {
    uint64_t value = 0;
    auto [end, error] = std::from_chars(s.data(), s.data() + s.size(), value);
    if (s.empty() || error != std::errc() || end != s.data() + s.size()) return std::nullopt;
    return value;
  };
  std::vector<uint64_t> numbers;
  for (const std::string& part : split(seeds, ',')) {
    size_t dash = part.find('-');
    auto first = number(std::string_view(part).substr(0, dash));
    auto last = dash == std::string::npos ? first : number(std::string_view(part).substr(dash + 1));
    if (!first || !last || *last < *first || *last - *first > 100000) {
      return Error(ErrorCode::kInvalidArgument,
                   fmt::format("--seeds: expected numbers as 1,2,3 or 1-5, found \"{}\"", seeds));
    }
    for (uint64_t i = 0; i <= *last - *first; ++i) numbers.push_back(*first + i);
  }
  return numbers;
}

Status ExperimentFlags::add_tasks(experiment::Plan& plan) const {
  eval::TaskSet all{tasks, {}};
  for (const std::string& name : split(tasks, ',')) {
    WHET_TRY(std::vector<TaskFileContent> files, open_tasks(name));
    for (const TaskFileContent& file : files) {
      const std::vector<eval::Task>& found = file.set.tasks;
      plan.task_files.push_back(
          {file.set.name, file.path, file.sha256, static_cast<int64_t>(found.size())});
      all.tasks.insert(all.tasks.end(), found.begin(), found.end());
    }
  }
  if (limit > 0) all = eval::subsample(all, limit, 0);
  plan.tasks = std::move(all.tasks);
  return ok_status();
}

}  // namespace whet
