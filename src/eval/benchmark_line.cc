#include "eval/benchmark_line.h"

#include <fmt/format.h>

#include <cctype>
#include <span>
#include <string_view>

#include "eval/answer.h"
#include "eval/choice.h"
#include "eval/human_eval.h"
#include "eval/json_line.h"
#include "eval/number.h"
#include "sys/sha256.h"

namespace whet::eval {
namespace {

using nlohmann::json;

/// An id that may be a number.
Result<std::string> id_of(const json& line, const char* key, const std::string& prefix) {
  const auto found = line.find(key);
  if (found != line.end() && found->is_number_integer()) {
    return fmt::format("{}/{}", prefix, found->get<int64_t>());
  }
  return required_text(line, key);
}

Result<Task> gsm8k_task(const json& line, const std::string& id) {
  Task task;
  task.id = id;
  task.family = "gsm8k";
  WHET_TRY(std::string question, required_text(line, "question"));
  WHET_TRY(std::string answer, required_text(line, "answer"));
  const size_t mark = answer.rfind("####");
  if (mark == std::string::npos) {
    return invalid_line("\"answer\": expected a line \"#### number\", found none");
  }
  task.key.answer = trimmed(std::string_view(answer).substr(mark + 4));
  if (!parse_number(task.key.answer)) {
    return invalid_line(
        fmt::format("\"answer\": expected a number after ####, found \"{}\"", task.key.answer));
  }
  task.question.kind = AnswerKind::kNumeric;
  task.question.messages = user_turn(fmt::format(
      "{}\n\nSolve this step by step. End with a line \"Answer: \" followed by the number.",
      trimmed(question)));
  return task;
}

Result<Task> human_eval_task(const json& line) {
  Task task;
  WHET_TRY(task.id, required_text(line, "task_id"));
  task.family = "humaneval";
  task.question.kind = AnswerKind::kPython;
  WHET_TRY(std::string header, required_text(line, "prompt"));
  WHET_TRY(task.question.entry_point, required_text(line, "entry_point"));
  WHET_TRY(std::string test, required_text(line, "test"));
  task.question.messages = user_turn(human_eval_prompt(header));
  task.question.examples = docstring_examples(header, task.question.entry_point);
  task.question.code_prefix = std::move(header);
  task.key.tests = fmt::format("{}\ncheck({})\n", test, task.question.entry_point);
  WHET_TRY(task.key.solution, optional_text(line, "canonical_solution"));
  return task;
}

/// The last function that `code` defines at the left margin and one of `tests` calls.
std::string entry_point_of(std::string_view code, const std::vector<std::string>& tests) {
  std::string found;
  for (size_t at = 0; at < code.size();) {
    const size_t end = std::min(code.find('\n', at), code.size());
    const auto line = code.substr(at, end - at);
    at = end + 1;
    if (!line.starts_with("def ")) continue;
    const auto name = trimmed(line.substr(4, line.find('(') - std::min<size_t>(4, line.find('('))));
    for (const std::string& test : tests) {
      if (test.find(std::string(name) + "(") != std::string::npos) found = name;
    }
  }
  return found;
}

Result<Task> mbpp_task(const json& line) {
  Task task;
  WHET_TRY(task.id, id_of(line, "task_id", "MBPP"));
  task.family = "mbpp";
  task.question.kind = AnswerKind::kPython;
  WHET_TRY(std::string text, required_text(line, line.contains("text") ? "text" : "prompt"));
  WHET_TRY(std::string code, required_text(line, "code"));
  WHET_TRY(std::vector<std::string> tests, required_texts(line, "test_list"));
  task.question.entry_point = entry_point_of(code, tests);
  if (task.question.entry_point.empty()) {
    return invalid_line("\"code\": expected a function that \"test_list\" calls, found none");
  }
  WHET_TRY(std::string setup, optional_text(line, "test_setup_code"));
  const auto imports = line.find("test_imports");
  for (const json& import : imports != line.end() && imports->is_array() ? *imports : json()) {
    if (import.is_string()) setup += import.get<std::string>() + "\n";
  }
  task.question.setup = std::move(setup);
  task.question.examples = tests[0] + "\n";
  for (const std::string& test : tests) task.key.tests += test + "\n";
  task.key.solution = fmt::format("```python\n{}\n```", code);
  task.question.messages = user_turn(
      fmt::format("{} Name the function {}. Reply with one ```python code block.\n\nExample:\n{}",
                  trimmed(text), task.question.entry_point, tests[0]));
  return task;
}

/// The inside of the last \boxed{...}, braces matched; "" if there is none.
std::string_view boxed(std::string_view text) {
  constexpr std::string_view kBox = "\\boxed{";
  const size_t at = text.rfind(kBox);
  if (at == std::string_view::npos) return {};
  const auto inside = text.substr(at + kBox.size());
  int depth = 1;
  for (size_t i = 0; i < inside.size(); ++i) {
    if (inside[i] == '{') ++depth;
    if (inside[i] == '}' && --depth == 0) return trimmed(inside.substr(0, i));
  }
  return {};
}

Result<Task> math_task(const json& line, const std::string& default_id) {
  Task task;
  task.id = default_id;
  task.family = "math";
  WHET_TRY(std::string problem, required_text(line, "problem"));
  WHET_TRY(task.kind, optional_text(line, line.contains("type") ? "type" : "subject"));
  if (line.contains("answer")) {
    WHET_TRY(task.key.answer, required_text(line, "answer"));
  } else {
    WHET_TRY(std::string solution, required_text(line, "solution"));
    task.key.answer = boxed(solution);
  }
  if (trimmed(task.key.answer).empty()) {
    return invalid_line("\"solution\": expected an answer in \\boxed{}, found none");
  }
  task.question.kind = parse_number(task.key.answer) ? AnswerKind::kNumeric : AnswerKind::kExact;
  task.question.messages = user_turn(fmt::format(
      "{}\n\nSolve this step by step. Put the final answer in \\boxed{{}}.", trimmed(problem)));
  return task;
}

/// A question with choices: lettered for those who write, plain for those who score.
Result<Task> choice_task(std::string id, std::string family, std::string_view question,
                         std::string context, std::vector<std::string> choices, size_t right) {
  const auto most = static_cast<size_t>(kLastChoice - 'A') + 1;
  if (choices.size() < 2 || choices.size() > most) {
    return invalid_line(fmt::format("expected 2 to {} choices, found {}", most, choices.size()));
  }
  if (right >= choices.size()) {
    return invalid_line(
        fmt::format("expected the number of one of {} choices, found {}", choices.size(), right));
  }
  Task task;
  task.id = std::move(id);
  task.family = std::move(family);
  task.question.kind = AnswerKind::kChoice;
  std::string prompt = fmt::format("{}\n\n", trimmed(question));
  for (size_t i = 0; i < choices.size(); ++i) {
    prompt += fmt::format("{}. {}\n", static_cast<char>('A' + i), trimmed(choices[i]));
  }
  prompt += "\nEnd with a line \"Answer: \" followed by the letter.";
  task.question.messages = user_turn(std::move(prompt));
  task.question.context = std::move(context);
  for (std::string& choice : choices) choice.insert(0, " ");
  task.question.choices = std::move(choices);
  task.key.answer = std::string(1, static_cast<char>('A' + right));
  return task;
}

Result<Task> arc_task(const json& line, const std::string& default_id) {
  std::string id = default_id;
  if (line.contains("id")) {
    WHET_TRY(id, required_text(line, "id"));
  }
  WHET_TRY(std::string question, required_text(line, "question"));
  WHET_TRY(std::string key, required_text(line, "answerKey"));
  const json& choices = line.at("choices");
  WHET_TRY(std::vector<std::string> texts, required_texts(choices, "text"));
  WHET_TRY(std::vector<std::string> labels, required_texts(choices, "label"));
  const auto place = std::find(labels.begin(), labels.end(), key);
  if (labels.size() != texts.size() || place == labels.end()) {
    return invalid_line(fmt::format("\"answerKey\": expected one of {}, found \"{}\"",
                                    fmt::join(labels, ", "), key));
  }
  return choice_task(id, "arc", question, fmt::format("Question: {}\nAnswer:", question),
                     std::move(texts), static_cast<size_t>(place - labels.begin()));
}

Result<Task> mmlu_task(const json& line, const std::string& default_id) {
  WHET_TRY(std::string question, required_text(line, "question"));
  WHET_TRY(std::vector<std::string> texts, required_texts(line, "choices"));
  const json& answer = line.at("answer");
  if (!answer.is_number_unsigned()) {
    return invalid_line(
        fmt::format("\"answer\": expected the number of a choice, found {}", answer.type_name()));
  }
  const auto right = answer.get<size_t>();
  std::string context = fmt::format("{}\n", trimmed(question));
  std::vector<std::string> letters;
  for (size_t i = 0; i < texts.size(); ++i) {
    letters.emplace_back(1, static_cast<char>('A' + i));
    context += fmt::format("{}. {}\n", letters.back(), texts[i]);
  }
  WHET_TRY(Task task,
           choice_task(default_id, "mmlu", question, context + "Answer:", std::move(texts), right));
  // The letters are what is scored.
  for (std::string& letter : letters) letter.insert(0, " ");
  task.question.choices = std::move(letters);
  WHET_TRY(task.kind, optional_text(line, "subject"));
  return task;
}

/// What lm-eval makes of a HellaSwag text: no "[title]", no other square brackets, single spaces.
std::string hellaswag_text(std::string_view raw) {
  std::string text(trimmed(raw));
  const auto replace_all = [&](std::string_view from, std::string_view to) {
    for (size_t at = text.find(from); at != std::string::npos; at = text.find(from, at)) {
      text.replace(at, from.size(), to);
      at += to.size();
    }
  };
  replace_all(" [title]", ". ");
  for (size_t open = text.find('['); open != std::string::npos; open = text.find('[', open)) {
    const size_t close = text.find(']', open);
    if (close == std::string::npos) break;
    text.erase(open, close - open + 1);
  }
  replace_all("  ", " ");
  return text;
}

Result<Task> hellaswag_task(const json& line, const std::string& default_id) {
  WHET_TRY(std::string activity, required_text(line, "activity_label"));
  WHET_TRY(std::string first, required_text(line, "ctx_a"));
  WHET_TRY(std::string second, required_text(line, "ctx_b"));
  WHET_TRY(std::vector<std::string> endings, required_texts(line, "endings"));
  const json& label = line.at("label");
  size_t right = endings.size();
  if (label.is_number_unsigned()) right = label.get<size_t>();
  if (label.is_string()) {
    const auto number = parse_number(label.get<std::string>());
    for (size_t i = 0; number && i < endings.size(); ++i) {
      if (to_string(*number) == std::to_string(i)) right = i;
    }
  }
  // Python's capitalize(): the first letter large, all others small.
  for (size_t i = 0; i < second.size(); ++i) {
    const auto c = static_cast<unsigned char>(second[i]);
    second[i] = static_cast<char>(i == 0 ? std::toupper(c) : std::tolower(c));
  }
  const std::string context = hellaswag_text(fmt::format("{}: {} {}", activity, first, second));
  for (std::string& ending : endings) ending = hellaswag_text(ending);
  return choice_task(default_id, "hellaswag", fmt::format("How does this go on?\n\n{}", context),
                     context, std::move(endings), right);
}

Result<Task> squad_task(const json& line) {
  Task task;
  WHET_TRY(task.id, required_text(line, "id"));
  task.family = "squad";
  WHET_TRY(std::string context, required_text(line, "context"));
  WHET_TRY(std::string question, required_text(line, "question"));
  const json& answers = line.at("answers");
  if (!answers.is_object()) {
    return invalid_line(
        fmt::format("\"answers\": expected an object, found {}", answers.type_name()));
  }
  WHET_TRY(task.key.references, required_texts(answers, "text"));
  task.key.metric = "squad";
  // Questions on one article are drawn with it.
  WHET_TRY(task.group, optional_text(line, "title"));
  if (task.group.empty()) {
    WHET_TRY(const std::string digest, sha256_hex(std::as_bytes(std::span(context))));
    task.group = digest.substr(0, 16);
  }
  task.question.kind = AnswerKind::kFree;
  task.question.messages = user_turn(fmt::format(
      "{}\n\nQuestion: {}\nAnswer with the shortest words from the text and nothing else.",
      trimmed(context), trimmed(question)));
  return task;
}

}  // namespace

Result<std::optional<Task>> benchmark_task(const json& line, const std::string& default_id) {
  const auto has = [&](std::initializer_list<const char*> keys) {
    return std::all_of(keys.begin(), keys.end(),
                       [&](const char* key) { return line.contains(key); });
  };
  const auto some = [](Result<Task> task) -> Result<std::optional<Task>> {
    if (!task.ok()) return task.error();
    return std::optional(std::move(task).value());
  };
  if (has({"task_id", "test_list"})) return some(mbpp_task(line));
  if (has({"task_id"})) return some(human_eval_task(line));
  if (has({"problem"})) return some(math_task(line, default_id));
  if (has({"endings", "label"})) return some(hellaswag_task(line, default_id));
  if (has({"choices", "answerKey"})) return some(arc_task(line, default_id));
  if (has({"choices", "answer", "question"})) return some(mmlu_task(line, default_id));
  if (has({"context", "question", "answers", "id"})) return some(squad_task(line));
  if (has({"question"})) return some(gsm8k_task(line, default_id));
  return std::optional<Task>();
}

}  // namespace whet::eval
