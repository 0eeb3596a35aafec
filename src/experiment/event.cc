#include "experiment/event.h"

#include <fmt/format.h>

namespace whet::experiment {
namespace {

using nlohmann::json;

template <typename T>
json or_null(const std::optional<T>& value) {
  return value ? json(*value) : json(nullptr);
}

json text_or_null(const std::string& text) {
  return text.empty() ? json(nullptr) : json(text);
}

template <typename T>
std::optional<T> optional_of(const json& object, const char* key) {
  const auto found = object.find(key);
  if (found == object.end() || found->is_null()) return std::nullopt;
  return found->get<T>();
}

template <typename T>
T value_of(const json& object, const char* key, T standard) {
  return optional_of<T>(object, key).value_or(standard);
}

json to_json(const EventCandidate& candidate) {
  return {{"stage", or_null(candidate.stage)},
          {"text", candidate.text},
          {"tokens", candidate.tokens},
          {"finish", candidate.finish},
          {"temperature", or_null(candidate.temperature)},
          {"logprob", or_null(candidate.logprob)},
          {"answer", or_null(candidate.answer)},
          {"score", or_null(candidate.score)},
          {"eligible", candidate.eligible},
          {"reason", or_null(candidate.reason)},
          {"chosen", candidate.chosen},
          {"correct", or_null(candidate.correct)}};
}

EventCandidate candidate_from_json(const json& object) {
  EventCandidate candidate;
  candidate.stage = optional_of<std::string>(object, "stage");
  candidate.text = object.at("text").get<std::string>();
  candidate.tokens = object.at("tokens").get<int64_t>();
  candidate.finish = object.at("finish").get<std::string>();
  candidate.temperature = optional_of<double>(object, "temperature");
  candidate.logprob = optional_of<double>(object, "logprob");
  candidate.answer = optional_of<std::string>(object, "answer");
  candidate.score = optional_of<double>(object, "score");
  candidate.eligible = object.at("eligible").get<bool>();
  candidate.reason = optional_of<std::string>(object, "reason");
  candidate.chosen = object.at("chosen").get<bool>();
  candidate.correct = optional_of<bool>(object, "correct");
  return candidate;
}

eval::GradeStatus status_from(const std::string& name) {
  using eval::GradeStatus;
  for (GradeStatus status : {GradeStatus::kCorrect, GradeStatus::kWrong}) {
    if (eval::grade_status_name(status) == name) return status;
  }
  return GradeStatus::kNotGraded;
}

}  // namespace

json to_json(const Event& event) {
  json candidates = json::array();
  for (const EventCandidate& candidate : event.candidates) candidates.push_back(to_json(candidate));
  return {{"strategy", event.strategy},
          {"task", event.task},
          {"family", event.family},
          {"seed", event.seed},
          {"sequence", event.sequence},
          {"warmup", event.warmup},
          {"question", event.question},
          {"reference", or_null(event.reference)},
          {"start_ns", event.start_ns},
          {"first_token_ns", or_null(event.first_token_ns)},
          {"end_ns", event.end_ns},
          {"time_budget_ns", or_null(event.time_budget_ns)},
          {"prompt_tokens", event.prompt_tokens},
          {"completion_tokens", event.completion_tokens},
          {"n_calls", event.n_calls},
          {"candidates", std::move(candidates)},
          {"answer", or_null(event.answer)},
          {"how", text_or_null(event.how)},
          {"fell_back", event.fell_back},
          {"grade",
           {{"status", eval::grade_status_name(event.grade)},
            {"strict", event.strict},
            {"rule", text_or_null(event.grade_rule)},
            {"detail", text_or_null(event.grade_detail)}}},
          {"peak_rss_bytes", or_null(event.peak_rss_bytes)},
          {"kv_bytes", or_null(event.kv_bytes)},
          {"other_cpu_ns", or_null(event.other_cpu_ns)},
          {"stolen_cpu_ns", or_null(event.stolen_cpu_ns)},
          {"error", or_null(event.error)}};
}

Result<Event> event_from_json(const json& object) try {
  Event event;
  event.strategy = object.at("strategy").get<std::string>();
  event.task = object.at("task").get<std::string>();
  event.family = object.at("family").get<std::string>();
  event.seed = object.at("seed").get<uint64_t>();
  event.sequence = object.at("sequence").get<int64_t>();
  event.warmup = value_of(object, "warmup", false);
  event.question = value_of<std::string>(object, "question", "");
  event.reference = optional_of<std::string>(object, "reference");
  event.start_ns = object.at("start_ns").get<int64_t>();
  event.first_token_ns = optional_of<int64_t>(object, "first_token_ns");
  event.end_ns = object.at("end_ns").get<int64_t>();
  event.time_budget_ns = optional_of<int64_t>(object, "time_budget_ns");
  event.prompt_tokens = object.at("prompt_tokens").get<int64_t>();
  event.completion_tokens = object.at("completion_tokens").get<int64_t>();
  event.n_calls = object.at("n_calls").get<int64_t>();
  for (const json& candidate : object.at("candidates")) {
    event.candidates.push_back(candidate_from_json(candidate));
  }
  event.answer = optional_of<std::string>(object, "answer");
  event.how = value_of<std::string>(object, "how", "");
  event.fell_back = value_of(object, "fell_back", false);
  const json& grade = object.at("grade");
  event.grade = status_from(grade.at("status").get<std::string>());
  event.strict = value_of(grade, "strict", false);
  event.grade_rule = value_of<std::string>(grade, "rule", "");
  event.grade_detail = value_of<std::string>(grade, "detail", "");
  event.peak_rss_bytes = optional_of<int64_t>(object, "peak_rss_bytes");
  event.kv_bytes = optional_of<int64_t>(object, "kv_bytes");
  event.other_cpu_ns = optional_of<int64_t>(object, "other_cpu_ns");
  event.stolen_cpu_ns = optional_of<int64_t>(object, "stolen_cpu_ns");
  event.error = optional_of<std::string>(object, "error");
  return event;
} catch (const json::exception& error) {
  return Error(ErrorCode::kInvalidArgument, fmt::format("not an event: {}", error.what()));
}

}  // namespace whet::experiment
