#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/clock.h"
#include "cli/built_in_tasks.h"
#include "cli/commands.h"
#include "cli/terminal.h"
#include "eval/grader.h"
#include "eval/reference_reply.h"
#include "report/text.h"
#include "sys/json_text.h"
#include "sys/machine.h"

namespace whet {
namespace {

using Json = nlohmann::ordered_json;

struct TasksFlags {
  std::vector<std::string> names;
  bool check = false, json = false;
  int threads = 0;
};

/// The tasks of one family in one file.
struct Part {
  std::string file, family;
  int64_t n_tasks = 0;
  int64_t n_with_reply = 0;      // whose right reply is known
  std::set<std::string> graded;  // by what
  std::set<std::string> groups;
  int64_t n_alone = 0;  // tasks without a group
};

struct Check {
  double seconds = 0;
  int n_threads = 1;
  int64_t n_right = 0;
  std::vector<std::pair<std::string, eval::Grade>> rest;  // by task
};

std::vector<Part> parts_of(const std::vector<TaskFileContent>& files) {
  std::vector<Part> parts;
  for (const TaskFileContent& file : files) {
    const size_t first = parts.size();
    for (const eval::Task& task : file.set.tasks) {
      auto part = std::find_if(parts.begin() + static_cast<ptrdiff_t>(first), parts.end(),
                               [&](const Part& p) { return p.family == task.family; });
      if (part == parts.end()) {
        parts.push_back({file.path, task.family, 0, 0, {}, {}, 0});
        part = parts.end() - 1;
      }
      ++part->n_tasks;
      part->n_with_reply += eval::reference_reply(task).has_value();
      part->graded.insert(task.key.metric.empty()
                              ? std::string(eval::answer_kind_name(task.question.kind))
                              : task.key.metric);
      if (task.group.empty()) {
        ++part->n_alone;
      } else {
        part->groups.insert(task.group);
      }
    }
  }
  return parts;
}

Check grade_replies(const std::vector<TaskFileContent>& files, int n_threads) {
  std::vector<std::string> replies;
  std::vector<const eval::Task*> tasks;
  for (const TaskFileContent& file : files) {
    for (const eval::Task& task : file.set.tasks) {
      if (auto reply = eval::reference_reply(task)) {
        replies.push_back(std::move(*reply));
        tasks.push_back(&task);
      }
    }
  }
  std::vector<eval::GradeJob> jobs;
  for (size_t i = 0; i < tasks.size(); ++i) jobs.push_back({tasks[i], replies[i]});
  const auto& sandbox = eval::Sandbox::of_this_machine();
  const eval::Grader grader(sandbox.ok() ? &*sandbox : nullptr,
                            sandbox.ok() ? "" : sandbox.error().message());
  Check check;
  check.n_threads = n_threads;
  const int64_t start_ns = monotonic_ns();
  const std::vector<eval::Grade> grades = grader.grade_all(jobs, n_threads);
  check.seconds = static_cast<double>(monotonic_ns() - start_ns) * 1e-9;
  for (size_t i = 0; i < grades.size(); ++i) {
    if (grades[i].correct()) {
      ++check.n_right;
    } else {
      check.rest.emplace_back(tasks[i]->id, grades[i]);
    }
  }
  return check;
}

void print_parts(const std::vector<Part>& parts) {
  fmt::print("{}  {}  {:>6}  {:>6}  {:>9}  graded by\n", report::pad_right("file", 32),
             report::pad_right("family", 12), "tasks", "groups", "solutions");
  for (const Part& part : parts) {
    const auto n_groups = static_cast<int64_t>(part.groups.size()) + part.n_alone;
    fmt::print("{}  {}  {:>6}  {:>6}  {:>9}  {}\n",
               report::pad_right(report::truncate(report::one_line(part.file), 32), 32),
               report::pad_right(report::truncate(report::one_line(part.family), 12), 12),
               part.n_tasks, n_groups, part.n_with_reply,
               fmt::join(part.graded.begin(), part.graded.end(), ", "));
  }
}

void print_check(const Check& check) {
  const auto n = check.n_right + static_cast<int64_t>(check.rest.size());
  for (const auto& [task, grade] : check.rest) {
    fmt::print("{}: {}: {}\n", report::one_line(task),
               grade.status == eval::GradeStatus::kWrong ? "wrong" : "not graded",
               report::one_line(grade.detail));
  }
  fmt::print("\n{} solutions graded in {:.2f} s on {} threads ({:.1f} a second): {} right\n", n,
             check.seconds, check.n_threads, static_cast<double>(n) / check.seconds, check.n_right);
}

Json to_json(const std::vector<Part>& parts, const std::optional<Check>& check) {
  Json list = Json::array();
  for (const Part& part : parts) {
    list.push_back({{"file", part.file},
                    {"family", part.family},
                    {"n_tasks", part.n_tasks},
                    {"n_groups", static_cast<int64_t>(part.groups.size()) + part.n_alone},
                    {"n_solutions", part.n_with_reply},
                    {"graded_by", part.graded}});
  }
  Json document{{"schema", "whet-tasks/1"}, {"parts", std::move(list)}, {"check", nullptr}};
  if (!check) return document;
  Json rest = Json::array();
  for (const auto& [task, grade] : check->rest) {
    rest.push_back({{"task", task},
                    {"status", eval::grade_status_name(grade.status)},
                    {"detail", grade.detail}});
  }
  document["check"] = {{"seconds", check->seconds},
                       {"threads", check->n_threads},
                       {"n_right", check->n_right},
                       {"rest", std::move(rest)}};
  return document;
}

int run_tasks(const TasksFlags& options) {
  std::vector<TaskFileContent> files;
  for (const std::string& name : options.names) {
    auto opened = open_tasks(name);
    if (!opened.ok()) return fail(opened.error());
    std::move(opened->begin(), opened->end(), std::back_inserter(files));
  }
  const std::vector<Part> parts = parts_of(files);
  std::optional<Check> checked;
  if (options.check) {
    const bool some = std::any_of(parts.begin(), parts.end(),
                                  [](const Part& part) { return part.n_with_reply > 0; });
    if (!some) {
      return fail(Error(ErrorCode::kInvalidArgument,
                        "--check: expected a task with a solution or an answer, found none"));
    }
    checked =
        grade_replies(files, options.threads > 0 ? options.threads : cpu_limits().usable_threads());
  }
  if (options.json) {
    fmt::print("{}\n", json_text(to_json(parts, checked), 1));
  } else {
    print_parts(parts);
    if (checked) print_check(*checked);
  }
  return checked && !checked->rest.empty() ? exit_status(ErrorCode::kInvalidModel) : 0;
}

}  // namespace

Command make_tasks_command() {
  auto options = std::make_shared<TasksFlags>();
  Command command("tasks", "List files of tasks, and grade the solutions that they bring");
  command.add("NAME", &options->names, "file, directory, or family that comes with whet")
      .required();
  command.add("--check", &options->check,
              "grade every known solution and answer; all must be right (status 3 where not)");
  command.add("-t,--threads", &options->threads, "that grade (0 = all usable)").at_least(0);
  command.add("--json", &options->json, "as JSON");
  command.action([options] { return run_tasks(*options); });
  return command;
}

}  // namespace whet
