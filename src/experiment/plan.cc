#include "experiment/plan.h"

#include <fmt/format.h>

#include <set>

#include "eval/task_set.h"
#include "sys/sha256.h"

namespace whet::experiment {
namespace {

Error invalid(std::string message) {
  return Error(ErrorCode::kInvalidArgument, std::move(message));
}

std::string sampling_text(const SamplingParams& s) {
  std::string text = fmt::format(
      "temperature={} top_k={} top_p={} min_p={} repeat_penalty={} presence_penalty={} "
      "frequency_penalty={} repeat_last_n={}",
      s.temperature, s.top_k, s.top_p, s.min_p, s.repeat_penalty, s.presence_penalty,
      s.frequency_penalty, s.repeat_last_n);
  for (const auto& [token, bias] : s.logit_bias) text += fmt::format(" bias[{}]={}", token, bias);
  return text;
}

}  // namespace

Status check_plan(const Plan& plan) {
  if (plan.tasks.empty()) return invalid("an experiment needs a task");
  if (plan.seeds.empty()) return invalid("an experiment needs a seed");
  if (plan.out_dir.empty()) return invalid("an experiment needs an output directory");
  if (std::set(plan.seeds.begin(), plan.seeds.end()).size() != plan.seeds.size()) {
    return invalid("a seed is given twice");
  }
  std::set<std::string> ids;
  for (const eval::Task& task : plan.tasks) {
    if (!ids.insert(task.id).second) {
      return invalid(fmt::format("task id \"{}\" occurs twice in the task files", task.id));
    }
    const auto& messages = task.question.messages;
    if (!plan.system.empty() && !messages.empty() && messages.front().role == "system") {
      return invalid(fmt::format(
          "task \"{}\" has a system message of its own; expected none beside --system", task.id));
    }
  }
  if (!(plan.level > 0.5 && plan.level < 1)) {
    return invalid(fmt::format("level: expected a number between 0.5 and 1, found {}", plan.level));
  }
  if (!(plan.min_gain >= 0 && plan.min_gain < 1)) {
    return invalid(fmt::format("min_gain: expected a number from 0 to 1, found {}", plan.min_gain));
  }
  if (!(plan.min_time_gain >= 0 && plan.min_time_gain < 1)) {
    return invalid(
        fmt::format("min_time_gain: expected a number from 0 to 1, found {}", plan.min_time_gain));
  }
  return ok_status();
}

FingerprintParts fingerprint_parts(const Plan& plan, bool has_sandbox) {
  FingerprintParts parts;
  parts["model"] = plan.model.sha256.value_or(
      fmt::format("{} ({} bytes)", plan.model.path, plan.model.size_bytes.value_or(0)));
  parts["tasks"] = eval::task_digest(plan.tasks);
  parts["strategies"] = fmt::format("{}", fmt::join(plan.strategies, " "));
  parts["same-time controls"] = plan.same_time_controls ? plan.control : "no";
  parts["every candidate graded"] = plan.grade_candidates ? "yes" : "no";
  parts["seeds"] = fmt::format("{}", fmt::join(plan.seeds, " "));
  parts["sampling"] = sampling_text(plan.sampling);
  parts["prompt"] =
      fmt::format("{}{}", plan.raw_prompt ? "raw, system: " : "chat, system: ", plan.system);
  parts["limits"] =
      fmt::format("max_tokens={} time_per_task={} context={}", plan.max_tokens,
                  plan.task_time_limit_s.value_or(0), plan.model.context_tokens.value_or(0));
  parts["cache"] = plan.model.cache_type;
  parts["weights"] = plan.model.weights;
  parts["arithmetic"] = plan.model.arithmetic;
  parts["sandbox"] = has_sandbox ? "yes" : "no";
  parts["commit"] = plan.whet.commit.value_or("unknown") +
                    (plan.whet.dirty.value_or(false) ? " with local changes" : "");
  parts["isa"] = plan.whet.isa;
  parts["threads"] = std::to_string(plan.whet.threads.value_or(0));
  return parts;
}

Result<std::string> fingerprint(const FingerprintParts& parts) {
  std::string text;
  for (const auto& [name, value] : parts) {
    text += fmt::format("{}:{}={}:{}\n", name.size(), name, value.size(), value);
  }
  return sha256_hex(std::as_bytes(std::span(text)));
}

}  // namespace whet::experiment
