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

  bool request_ended = false;
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
    if (on_event) request_ended |= tell(on_event, i, script, request_ended, completion);
    result.completions.push_back(std::move(completion));
  }
  return result;
}

bool ScriptedGenerator::tell(const EventSink& on_event, size_t index,
                             const ScriptedCompletion& script, bool request_ended,
                             Completion& completion) {
  Continue wanted = request_ended ? Continue::kEndRequest : Continue::kYes;
  std::string seen;
  size_t n_seen = 0;
  for (; wanted == Continue::kYes && n_seen < script.tokens.size(); ++n_seen) {
    const TokenInfo& token = script.tokens[n_seen];
    seen += token.bytes;
    wanted = on_event({index, token.bytes, std::span(&token, 1), std::nullopt});
  }
  if (wanted == Continue::kYes) {
    const std::string_view text = script.tokens.empty() ? completion.text : std::string_view();
    const auto tokens = script.tokens.empty() ? std::span<const TokenInfo>(completion.logprobs)
                                              : std::span<const TokenInfo>();
    return on_event({index, text, tokens, completion.finish}) == Continue::kEndRequest;
  }
  completion.text = seen;
  completion.finish = FinishReason::kCancelled;
  completion.n_completion_tok = static_cast<int64_t>(n_seen);
  completion.logprobs.resize(std::min(completion.logprobs.size(), n_seen));
  return wanted == Continue::kEndRequest;
}

}  // namespace whet::strategy
