#include "strategy/scripted_generator.h"

#include <algorithm>
#include <memory>
#include <sstream>

namespace whet::strategy {

ScriptedGenerator::ScriptedGenerator(std::vector<ScriptedCompletion> completions,
                                     ScriptedLatency latency)
    : latency_(latency) {
  auto left =
      std::make_shared<std::deque<ScriptedCompletion>>(completions.begin(), completions.end());
  script_ = [left](const GenerateRequest&, size_t, size_t) {
    if (left->empty()) return ScriptedCompletion{"", 0, FinishReason::kStop, 0};
    ScriptedCompletion next = left->front();
    left->pop_front();
    return next;
  };
}

Result<std::optional<int64_t>> ScriptedGenerator::count_prompt_tokens(
    const GenerateRequest& request) {
  if (const auto* ids = std::get_if<std::vector<int32_t>>(&request.prompt)) {
    return std::optional(static_cast<int64_t>(ids->size()));
  }
  int64_t n = 0;
  const auto count = [&](const std::string& text) {
    std::istringstream words(text);
    for (std::string word; words >> word;) ++n;
  };
  if (const auto* text = std::get_if<std::string>(&request.prompt)) {
    count(*text);
  } else {
    for (const ChatMessage& message : std::get<Conversation>(request.prompt).messages) {
      count(message.content);
    }
  }
  return std::optional(n);
}

Result<std::vector<TokenInfo>> ScriptedGenerator::score(const Prompt& prompt,
                                                        std::string_view continuation,
                                                        const CancelFlag* cancel) {
  GenerateRequest request;
  request.prompt = prompt;
  WHET_TRY(GenerateResult result, generate(request, nullptr, cancel));
  (void)result;
  std::vector<TokenInfo> scored;
  std::istringstream words{std::string(continuation)};
  for (std::string word; words >> word;) {
    scored.push_back({.id = 0, .bytes = word, .logprob = last_mean_logprob_});
  }
  return scored;
}

Result<GenerateResult> ScriptedGenerator::generate(const GenerateRequest& request,
                                                   const EventSink& on_event,
                                                   const CancelFlag* cancel) {
  const size_t call = requests_.size();
  requests_.push_back(request);
  if (!failures_.empty()) {
    Error error = failures_.front();
    failures_.pop_front();
    return error;
  }
  GenerateResult result;
  result.start_ns = now_ns_;
  WHET_TRY(const std::optional<int64_t> n_prompt_tok, count_prompt_tokens(request));
  result.n_prompt_tok = n_prompt_tok.value_or(0);
  result.kv_committed_bytes = 1024 * request.samples.size();
  std::vector<ScriptedCompletion> scripted;
  int64_t n_steps = 0;
  for (size_t i = 0; i < request.samples.size(); ++i) {
    scripted.push_back(script_(request, call, i));
    n_steps = std::max(n_steps, scripted.back().n_tok);
  }
  const auto step_to = [&](int64_t until_ns) {
    if (cancel && cancel->cancelled()) return;
    if (request.deadline_ns > 0) until_ns = std::min(until_ns, request.deadline_ns);
    now_ns_ = std::max(now_ns_, until_ns);
  };
  step_to(result.start_ns + latency_.prefill_ns);
  result.prefill_end_ns = now_ns_;
  step_to(result.prefill_end_ns + latency_.per_token_ns);
  result.first_token_ns = now_ns_;
  step_to(result.prefill_end_ns + n_steps * latency_.per_token_ns);
  result.end_ns = now_ns_;

  std::vector<Told> told;
  for (size_t i = 0; i < scripted.size(); ++i) {
    const ScriptedCompletion& script = scripted[i];
    last_mean_logprob_ = script.mean_logprob;
    Completion completion;
    completion.text = script.text;
    completion.finish = script.finish;
    completion.n_completion_tok = script.n_tok;
    const int64_t needed_ns = result.prefill_end_ns + script.n_tok * latency_.per_token_ns;
    const bool is_cut = result.end_ns < needed_ns;
    if (is_cut) {
      const bool by_user = cancel && cancel->cancelled();
      completion.finish = by_user ? FinishReason::kCancelled : FinishReason::kTime;
      completion.text.resize(completion.text.size() / 2);
      completion.n_completion_tok /= 2;
    }
    if (request.top_logprobs >= 0) {
      completion.logprobs = script.tokens;
      if (script.tokens.empty()) {
        completion.logprobs.assign(static_cast<size_t>(completion.n_completion_tok),
                                   TokenInfo{.id = 0, .logprob = script.mean_logprob});
      }
    }
    completion.end_ns = result.end_ns;
    const int64_t n_events = static_cast<int64_t>(script.tokens.size());
    told.push_back({.script = &script,
                    .last_step = is_cut         ? n_steps
                                 : n_events > 0 ? n_events
                                                : script.n_tok});
    result.completions.push_back(std::move(completion));
  }
  if (on_event) tell(on_event, told, result);
  return result;
}

void ScriptedGenerator::tell(const EventSink& on_event, std::vector<Told>& told,
                             GenerateResult& result) {
  int64_t n_steps = 0;
  for (const Told& sample : told) n_steps = std::max(n_steps, sample.last_step);
  const auto end = [&](size_t i, int64_t step) {
    Completion& completion = result.completions[i];
    const ScriptedCompletion& script = *told[i].script;
    completion.text.clear();
    for (size_t t = 0; t < told[i].n_told; ++t) completion.text += script.tokens[t].bytes;
    completion.n_completion_tok =
        script.tokens.empty() ? step : static_cast<int64_t>(told[i].n_told);
    completion.finish = FinishReason::kCancelled;
    completion.logprobs.resize(
        std::min(completion.logprobs.size(), static_cast<size_t>(completion.n_completion_tok)));
    told[i].over = true;
  };
  const int64_t last_ns = result.end_ns;
  for (int64_t step = 0; step <= n_steps; ++step) {
    now_ns_ = std::min(last_ns, result.prefill_end_ns + step * latency_.per_token_ns);
    for (size_t i = 0; i < told.size(); ++i) {
      if (told[i].over) continue;
      const Continue wanted = tell_step(on_event, i, step, told[i], result.completions[i]);
      if (wanted == Continue::kEndSample && !told[i].over) end(i, step);
      if (wanted != Continue::kEndRequest) continue;
      for (size_t other = 0; other < told.size(); ++other) {
        if (!told[other].over) end(other, step);
      }
      result.end_ns = now_ns_;
      return;
    }
  }
  now_ns_ = last_ns;
}

Continue ScriptedGenerator::tell_step(const EventSink& on_event, size_t index, int64_t step,
                                      Told& told, const Completion& completion) {
  const auto& tokens = told.script->tokens;
  if (step > 0 && told.n_told < tokens.size()) {
    const TokenInfo& token = tokens[told.n_told++];
    const Continue wanted = on_event({index, token.bytes, std::span(&token, 1), std::nullopt});
    if (wanted != Continue::kYes) return wanted;
  }
  if (step < told.last_step) return Continue::kYes;
  told.over = true;
  const bool at_once = tokens.empty();
  return on_event(
      {index, at_once ? std::string_view(completion.text) : std::string_view(),
       at_once ? std::span<const TokenInfo>(completion.logprobs) : std::span<const TokenInfo>(),
       completion.finish});
}

}  // namespace whet::strategy
