#include "eval/task_set.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>

#include "base/rng.h"
#include "eval/answer.h"
#include "eval/benchmark_line.h"
#include "eval/choice.h"
#include "eval/grader.h"
#include "eval/json_line.h"
#include "eval/number.h"
#include "eval/reference_metric.h"
#include "sys/file_bytes.h"
#include "sys/gzip.h"

namespace whet::eval {
namespace {

using nlohmann::json;
namespace fs = std::filesystem;

constexpr uint64_t kMaxFileBytes = 256u << 20;

Result<AnswerKind> kind_of(const std::string& type) {
  for (AnswerKind kind : {AnswerKind::kNumeric, AnswerKind::kExact, AnswerKind::kChoice,
                          AnswerKind::kPython, AnswerKind::kRust, AnswerKind::kCpp}) {
    if (answer_kind_name(kind) == type) return kind;
  }
  return invalid_line(
      fmt::format("grader type: expected numeric, exact, choice, python, rust, cpp, squad, rouge, "
                  "bleu or chrf, found \"{}\"",
                  type));
}

Status read_text_grader(const json& grader, Task& task) {
  WHET_TRY_STATUS(only_keys(grader, {"type", "answer"}));
  WHET_TRY(task.key.answer, required_text(grader, "answer"));
  if (trimmed(task.key.answer).empty())
    return invalid_line("\"answer\": expected text, found \"\"");
  if (task.question.kind == AnswerKind::kNumeric && !parse_number(task.key.answer)) {
    return invalid_line(
        fmt::format("\"answer\": expected a number, found \"{}\"", task.key.answer));
  }
  const bool is_letter = is_choice_key(task.key.answer);
  if (task.question.kind == AnswerKind::kChoice && !is_letter) {
    return invalid_line(
        fmt::format("\"answer\": expected a capital letter from A to {}, found \"{}\"", kLastChoice,
                    task.key.answer));
  }
  // Task files of other tools have no type for it: a key of one letter is multiple choice.
  if (task.question.kind == AnswerKind::kExact && is_letter) {
    task.question.kind = AnswerKind::kChoice;
  }
  return ok_status();
}

Status read_code_grader(const json& grader, Task& task) {
  WHET_TRY_STATUS(
      only_keys(grader, {"type", "entry_point", "examples", "tests", "setup", "solution"}));
  WHET_TRY(task.question.entry_point, required_text(grader, "entry_point"));
  WHET_TRY(task.question.examples, optional_text(grader, "examples"));
  WHET_TRY(task.question.setup, optional_text(grader, "setup"));
  WHET_TRY(task.key.tests, required_text(grader, "tests"));
  WHET_TRY(task.key.solution, optional_text(grader, "solution"));
  if (trimmed(task.key.tests).empty())
    return invalid_line("\"tests\": expected assertions, found \"\"");
  return ok_status();
}

/// Of "prompt", one turn, or of "messages", which end with a turn of the user.
Result<std::vector<ChatMessage>> conversation_of(const json& line) {
  const auto found = line.find("messages");
  if (found == line.end()) {
    WHET_TRY(std::string prompt, required_text(line, "prompt"));
    if (trimmed(prompt).empty()) return invalid_line("\"prompt\": expected text, found \"\"");
    return user_turn(std::move(prompt));
  }
  if (line.contains("prompt"))
    return invalid_line("expected \"prompt\" or \"messages\", found both");
  if (!found->is_array() || found->empty()) {
    return invalid_line("\"messages\": expected an array of messages, found " +
                        std::string(found->is_array() ? "an empty one" : found->type_name()));
  }
  std::vector<ChatMessage> messages;
  for (const json& item : *found) {
    const std::string at = fmt::format("messages[{}]", messages.size());
    if (!item.is_object()) {
      return invalid_line(fmt::format("{}: expected an object, found {}", at, item.type_name()));
    }
    if (auto keys = only_keys(item, {"role", "content"}); !keys.ok()) {
      return keys.error().with_context(at);
    }
    ChatMessage message;
    WHET_TRY(message.role, required_text(item, "role"));
    WHET_TRY(message.content, required_text(item, "content"));
    const bool may_be_system = messages.empty() && message.role == "system";
    if (!may_be_system && message.role != "user" && message.role != "assistant") {
      return invalid_line(fmt::format("{}: role: expected user or assistant{}, found \"{}\"", at,
                                      messages.empty() ? " or system" : "", message.role));
    }
    if (trimmed(message.content).empty()) {
      return invalid_line(fmt::format("{}: content: expected text, found \"\"", at));
    }
    messages.push_back(std::move(message));
  }
  if (messages.back().role != "user") {
    return invalid_line(
        fmt::format("\"messages\": expected a user's turn at the end, found role \"{}\"",
                    messages.back().role));
  }
  return messages;
}

Result<Task> native_task(const json& line) {
  WHET_TRY_STATUS(only_keys(line, {"id", "family", "kind", "group", "prompt", "messages", "context",
                                   "choices", "grader"}));
  Task task;
  WHET_TRY(task.id, required_text(line, "id"));
  WHET_TRY(task.family, required_text(line, "family"));
  WHET_TRY(task.kind, optional_text(line, "kind"));
  WHET_TRY(task.group, optional_text(line, "group"));
  WHET_TRY(task.question.messages, conversation_of(line));
  const auto grader = line.find("grader");
  if (grader == line.end() || !grader->is_object()) {
    return invalid_line(fmt::format("\"grader\": expected an object, found {}",
                                    grader == line.end() ? "no such key" : grader->type_name()));
  }
  WHET_TRY(std::string type, required_text(*grader, "type"));
  if (is_metric(type)) {
    WHET_TRY_STATUS(only_keys(*grader, {"type", "references"}));
    WHET_TRY(task.key.references, required_texts(*grader, "references"));
    task.key.metric = std::move(type);
    return task;
  }
  WHET_TRY(task.question.kind, kind_of(type));
  if (line.contains("choices") || line.contains("context")) {
    if (task.question.kind != AnswerKind::kChoice) {
      return invalid_line("\"choices\" and \"context\": expected a grader of type choice");
    }
    WHET_TRY(task.question.context, required_text(line, "context"));
    WHET_TRY(task.question.choices, required_texts(line, "choices"));
  }
  auto status = is_code(task.question.kind) ? read_code_grader(*grader, task)
                                            : read_text_grader(*grader, task);
  if (!status.ok()) return status.error();
  const auto& choices = task.question.choices;
  if (!choices.empty() && static_cast<size_t>(task.key.answer[0] - 'A') >= choices.size()) {
    return invalid_line(fmt::format("\"answer\": expected one of {} choices, found \"{}\"",
                                    choices.size(), task.key.answer));
  }
  return task;
}

Result<Task> task_of_line(std::string_view text, const std::string& default_id) {
  const json line = json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (line.is_discarded()) return invalid_line("expected a JSON object, found malformed JSON");
  if (!line.is_object()) {
    return invalid_line(fmt::format("expected a JSON object, found {}", line.type_name()));
  }
  if (line.contains("grader") || line.contains("family")) return native_task(line);
  WHET_TRY(std::optional<Task> task, benchmark_task(line, default_id));
  if (task) return std::move(*task);
  return invalid_line(
      "expected the keys of a whet task (id, family, prompt, grader), or of a line of GSM8K "
      "(question, answer), HumanEval (task_id, prompt, entry_point, test), MBPP (task_id, text, "
      "code, test_list), MATH (problem, solution), ARC (question, choices, answerKey), HellaSwag "
      "(ctx_a, ctx_b, activity_label, endings, label), MMLU (question, choices, answer) or SQuAD "
      "(id, context, question, answers)");
}

bool is_task_file(const fs::path& path) {
  const std::string name = path.filename().string();
  return name.ends_with(".jsonl") || name.ends_with(".jsonl.gz");
}

std::string stem_of(const std::string& path) {
  std::string name = fs::path(path).filename().string();
  for (std::string_view suffix : {".gz", ".jsonl"}) {
    if (name.ends_with(suffix)) name.resize(name.size() - suffix.size());
  }
  return name;
}

uint64_t fnv1a(std::string_view text, uint64_t hash) {
  for (unsigned char c : text) hash = (hash ^ c) * 0x100000001b3u;
  return hash;
}

constexpr uint64_t kFnvOffset = 0xcbf29ce484222325u;

Status no_duplicates(const std::vector<Task>& tasks) {
  std::set<std::string_view> seen;
  for (const Task& task : tasks) {
    if (!seen.insert(task.id).second) {
      return invalid_line(fmt::format("id \"{}\" occurs twice; ids must be unique", task.id));
    }
  }
  return ok_status();
}

}  // namespace

Result<TaskSet> parse_tasks(std::string_view content, const std::string& source) {
  TaskSet set;
  set.name = stem_of(source);
  int64_t number = 0;
  std::map<std::string, int64_t, std::less<>> line_of_id;
  for (size_t at = 0; at < content.size();) {
    const size_t end = std::min(content.find('\n', at), content.size());
    const auto text = trimmed(content.substr(at, end - at));
    at = end + 1;
    ++number;
    if (text.empty()) continue;
    auto task = task_of_line(text, fmt::format("{}/{}", set.name, set.tasks.size()));
    if (!task.ok()) return task.error().with_context(fmt::format("{}:{}", source, number));
    const auto [first, is_new] = line_of_id.emplace(task->id, number);
    if (!is_new) {
      return invalid_line(fmt::format("{}:{}: id \"{}\" was used on line {}; ids must be unique",
                                      source, number, task->id, first->second));
    }
    set.tasks.push_back(std::move(task).value());
  }
  if (set.tasks.empty())
    return invalid_line(fmt::format("{}: expected a task per line, found none", source));
  return set;
}

Result<TaskSet> load_task_file(const std::string& path) {
  WHET_TRY(std::string content, read_file(path, kMaxFileBytes));
  if (path.ends_with(".gz")) {
    auto plain = gunzip(content, kMaxFileBytes).with_context(path);
    if (!plain.ok()) return plain.error();
    content = std::move(plain).value();
  }
  return parse_tasks(content, path);
}

Result<TaskSet> load_task_dir(const std::string& directory) {
  std::error_code error;
  std::vector<std::string> paths;
  for (fs::directory_iterator entry(directory, error), end; !error && entry != end;
       entry.increment(error)) {
    if (is_task_file(entry->path())) paths.push_back(entry->path().string());
  }
  if (error) {
    return Error(ErrorCode::kNotFound,
                 fmt::format("task directory {}: {}", directory, error.message()));
  }
  if (paths.empty()) {
    return Error(ErrorCode::kNotFound,
                 fmt::format("{}: expected .jsonl task files, found none", directory));
  }
  std::sort(paths.begin(), paths.end());
  TaskSet all;
  const fs::path named =
      fs::path(directory).has_filename() ? fs::path(directory) : fs::path(directory).parent_path();
  all.name = named.filename().string();
  for (const std::string& path : paths) {
    WHET_TRY(TaskSet set, load_task_file(path));
    std::move(set.tasks.begin(), set.tasks.end(), std::back_inserter(all.tasks));
  }
  if (auto status = no_duplicates(all.tasks); !status.ok()) {
    return status.error().with_context(directory);
  }
  return all;
}

TaskSet subsample(const TaskSet& set, int64_t limit, uint64_t seed) {
  if (limit < 0 || static_cast<size_t>(limit) >= set.tasks.size()) return set;
  std::map<std::string, std::vector<size_t>> families;
  for (size_t i = 0; i < set.tasks.size(); ++i) families[set.tasks[i].family].push_back(i);

  struct Share {
    std::vector<size_t>* members;
    size_t quota;
    double remainder;
  };
  std::vector<Share> shares;
  size_t given = 0;
  for (auto& [family, members] : families) {
    std::sort(members.begin(), members.end(), [&](size_t a, size_t b) {
      const auto key = [&](size_t i) {
        return splitmix64(fnv1a(set.tasks[i].id, kFnvOffset) ^ splitmix64(seed));
      };
      return std::pair(key(a), a) < std::pair(key(b), b);
    });
    const double exact = static_cast<double>(limit) * static_cast<double>(members.size()) /
                         static_cast<double>(set.tasks.size());
    // Each family keeps one while the limit allows; the excess comes off the largest below.
    const auto quota = std::max<size_t>(static_cast<size_t>(exact), 1);
    shares.push_back({&members, quota, exact - static_cast<double>(static_cast<size_t>(exact))});
    given += quota;
  }
  std::stable_sort(shares.begin(), shares.end(),
                   [](const Share& a, const Share& b) { return a.remainder > b.remainder; });
  const auto wanted = static_cast<size_t>(limit);
  for (size_t i = 0; given < wanted; i = (i + 1) % shares.size()) {
    if (shares[i].quota == shares[i].members->size()) continue;
    ++shares[i].quota;
    ++given;
  }
  for (; given > wanted; --given) {
    --std::max_element(shares.begin(), shares.end(), [](const Share& a, const Share& b) {
        return a.quota < b.quota;
      })->quota;
  }
  std::vector<size_t> chosen;
  for (const Share& share : shares) {
    chosen.insert(chosen.end(), share.members->begin(), share.members->begin() + share.quota);
  }
  std::sort(chosen.begin(), chosen.end());
  TaskSet out{set.name, {}};
  for (size_t i : chosen) out.tasks.push_back(set.tasks[i]);
  return out;
}

std::string task_digest(const std::vector<Task>& tasks) {
  uint64_t low = kFnvOffset;
  uint64_t high = splitmix64(kFnvOffset);
  const auto mix = [&](std::string_view field) {
    low = fnv1a(field, fnv1a(fmt::format("{}:", field.size()), low));
    high = splitmix64(high ^ low);
  };
  mix(std::to_string(kGraderVersion));
  for (const Task& task : tasks) {
    const Question& q = task.question;
    for (const ChatMessage& message : q.messages) {
      mix(message.role);
      mix(message.content);
    }
    mix(q.context);
    for (const std::string& choice : q.choices) mix(choice);
    mix(task.key.metric);
    for (const std::string& reference : task.key.references) mix(reference);
    for (std::string_view field :
         {std::string_view(task.id), std::string_view(task.family), std::string_view(task.group),
          answer_kind_name(q.kind), std::string_view(q.entry_point), std::string_view(q.examples),
          std::string_view(q.setup), std::string_view(q.code_prefix),
          std::string_view(task.key.answer), std::string_view(task.key.tests)}) {
      mix(field);
    }
  }
  return fmt::format("{:016x}{:016x}", high, low);
}

}  // namespace whet::eval
