#include "experiment/event.h"

#include <fmt/format.h>

#include "experiment/json_fields.h"
#include "generator/generator.h"

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

// Far above what a run can reach, and low enough that sums over a record stay in 64 bits.
constexpr int64_t kMostTimeNs = int64_t{1} << 60;  // 36 years
constexpr int64_t kMostCount = int64_t{1} << 40;
constexpr int64_t kMostBytes = int64_t{1} << 60;

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

bool is_finish_reason(std::string_view name) {
  for (FinishReason reason : {FinishReason::kStop, FinishReason::kLength, FinishReason::kTime,
                              FinishReason::kCancelled}) {
    if (finish_reason_name(reason) == name) return true;
  }
  return false;
}

EventCandidate candidate_from(JsonFields& fields) {
  EventCandidate candidate;
  candidate.stage = fields.optional_text("stage");
  candidate.text = fields.text("text");
  candidate.tokens = fields.integer("tokens", 0, kMostCount);
  candidate.finish = fields.text("finish");
  if (!is_finish_reason(candidate.finish))
    fields.refuse("finish", "stop, length, time or cancelled");
  candidate.temperature = fields.optional_number("temperature");
  candidate.logprob = fields.optional_number("logprob");
  candidate.answer = fields.optional_text("answer");
  candidate.score = fields.optional_number("score");
  candidate.eligible = fields.flag("eligible");
  candidate.reason = fields.optional_text("reason");
  candidate.chosen = fields.flag("chosen");
  candidate.correct = fields.optional_flag("correct");
  return candidate;
}

eval::GradeStatus status_from(JsonFields& fields) {
  using eval::GradeStatus;
  const std::string name = fields.text("status");
  for (GradeStatus status : {GradeStatus::kCorrect, GradeStatus::kWrong, GradeStatus::kNotGraded}) {
    if (eval::grade_status_name(status) == name) return status;
  }
  fields.refuse("status", "correct, wrong or not_graded");
  return GradeStatus::kNotGraded;
}

void read_grade(JsonFields& fields, Event& event) {
  JsonFields grade(fields.object("grade"));
  event.grade = status_from(grade);
  event.strict = grade.optional_flag("strict").value_or(false);
  event.grade_rule = grade.optional_text("rule").value_or("");
  event.grade_detail = grade.optional_text("detail").value_or("");
  fields.adopt("grade", grade);
}

void read_times(JsonFields& fields, Event& event) {
  event.start_ns = fields.integer("start_ns", 0, kMostTimeNs);
  event.end_ns = fields.integer("end_ns", event.start_ns, kMostTimeNs);
  event.first_token_ns = fields.optional_integer("first_token_ns", event.start_ns, event.end_ns);
  event.time_budget_ns = fields.optional_integer("time_budget_ns", 0, kMostTimeNs);
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

Result<Event> event_from_json(const json& object) {
  JsonFields fields(object);
  Event event;
  event.strategy = fields.text("strategy");
  event.task = fields.text("task");
  event.family = fields.text("family");
  event.seed = fields.natural("seed");
  event.sequence = fields.integer("sequence", 0, kMostCount);
  event.warmup = fields.optional_flag("warmup").value_or(false);
  event.question = fields.optional_text("question").value_or("");
  event.reference = fields.optional_text("reference");
  read_times(fields, event);
  event.prompt_tokens = fields.integer("prompt_tokens", 0, kMostCount);
  event.completion_tokens = fields.integer("completion_tokens", 0, kMostCount);
  event.n_calls = fields.integer("n_calls", 0, kMostCount);
  for (const json& item : fields.array("candidates")) {
    JsonFields candidate(item);
    event.candidates.push_back(candidate_from(candidate));
    fields.adopt(fmt::format("candidates[{}]", event.candidates.size() - 1), candidate);
  }
  event.answer = fields.optional_text("answer");
  event.how = fields.optional_text("how").value_or("");
  event.fell_back = fields.optional_flag("fell_back").value_or(false);
  read_grade(fields, event);
  event.peak_rss_bytes = fields.optional_integer("peak_rss_bytes", 0, kMostBytes);
  event.kv_bytes = fields.optional_integer("kv_bytes", 0, kMostBytes);
  // Differences of the kernel's counters, which may run back a little.
  event.other_cpu_ns = fields.optional_integer("other_cpu_ns", -kMostTimeNs, kMostTimeNs);
  event.stolen_cpu_ns = fields.optional_integer("stolen_cpu_ns", -kMostTimeNs, kMostTimeNs);
  event.error = fields.optional_text("error");
  if (fields.problem()) {
    return Error(ErrorCode::kInvalidArgument, "not an event: " + *fields.problem());
  }
  return event;
}

}  // namespace whet::experiment
