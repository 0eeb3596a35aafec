#include "serve/generation.h"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <algorithm>
#include <chrono>

namespace whet::serve {
namespace {

double seconds(int64_t ns) {
  return static_cast<double>(ns) * 1e-9;
}

}  // namespace

Result<GenerateResult> generate(Exchange& exchange, Generator& generator,
                                const GenerateRequest& request, const EventSink& sink) {
  Metrics& metrics = exchange.server.metrics();
  ++metrics.requests;
  auto result = generator.generate(request, sink, &exchange.reply.cancelled());
  if (!result.ok()) {
    ++metrics.failed;
    return result;
  }
  metrics.prompt_tokens += result->n_prompt_tok;
  metrics.cached_tokens += result->n_cached_tok;
  metrics.completion_tokens += completion_tokens(*result);
  metrics.drafted_tokens += result->speculation.n_drafted();
  metrics.accepted_tokens += result->speculation.n_accepted();
  if (exchange.reply.cancelled().cancelled()) ++metrics.cancelled;
  if (result->first_token_ns > 0) {
    metrics.time_to_first_token.add(seconds(result->first_token_ns - result->start_ns));
    int64_t longest = 1;
    for (const Completion& c : result->completions) {
      longest = std::max(longest, c.n_completion_tok);
    }
    if (longest > 1) {
      metrics.time_per_token.add(seconds(result->end_ns - result->first_token_ns) /
                                 static_cast<double>(longest - 1));
    }
  }
  metrics.request_duration.add(seconds(result->end_ns - result->start_ns));
  return result;
}

int64_t completion_tokens(const GenerateResult& result) {
  int64_t n = 0;
  for (const Completion& c : result.completions) n += c.n_completion_tok;
  return n;
}

Json usage_json(int64_t n_prompt, int64_t n_cached, int64_t n_completion) {
  return {{"prompt_tokens", n_prompt},
          {"completion_tokens", n_completion},
          {"total_tokens", n_prompt + n_completion},
          {"prompt_tokens_details", {{"cached_tokens", n_cached}}}};
}

void add_base_tokens(Json& usage, const std::optional<BaseTokens>& counted) {
  if (!counted) return;
  usage["base_tokens"] = {{"prompt", counted->n_prompt}, {"completion", counted->n_completion}};
}

void RunningUsage::add_to(Json& chunk) const {
  if (n_prompt) chunk["usage"] = usage_json(*n_prompt, 0, n_completion);
}

Result<RunningUsage> continuous_usage(Generator& generator, GenerateRequest& request) {
  WHET_TRY(const std::optional<int64_t> n_prompt, generator.count_prompt_tokens(request));
  request.top_logprobs = std::max(request.top_logprobs, 0);
  return RunningUsage{n_prompt};
}

Json timings_json(const GenerateResult& r) {
  const auto ms = [](int64_t ns) { return static_cast<double>(ns) * 1e-6; };
  const auto rate = [](int64_t n, int64_t ns) {
    return n > 0 && ns > 0 ? static_cast<double>(n) / seconds(ns) : 0.0;
  };
  const auto each = [&](int64_t n, int64_t ns) {
    return n > 0 ? ms(ns) / static_cast<double>(n) : 0.0;
  };
  const int64_t n_read = r.n_prompt_tok - r.n_cached_tok;
  const int64_t read_ns = r.prefill_end_ns > 0 ? r.prefill_end_ns - r.start_ns : 0;
  const int64_t decode_ns = r.first_token_ns > 0 ? r.end_ns - r.first_token_ns : 0;
  const int64_t n_predicted = completion_tokens(r);
  // The first token of each completion comes from the prompt's pass.
  const int64_t n_decoded = n_predicted - static_cast<int64_t>(r.completions.size());
  return {{"cache_n", r.n_cached_tok},
          {"prompt_n", n_read},
          {"prompt_ms", ms(read_ns)},
          {"prompt_per_token_ms", each(n_read, read_ns)},
          {"prompt_per_second", rate(n_read, read_ns)},
          {"predicted_n", n_predicted},
          {"predicted_ms", ms(decode_ns)},
          {"predicted_per_token_ms", each(n_decoded, decode_ns)},
          {"predicted_per_second", rate(n_decoded, decode_ns)},
          {"draft_n", r.speculation.n_drafted()},
          {"draft_n_accepted", r.speculation.n_accepted()}};
}

std::string_view openai_finish(FinishReason reason) {
  return reason == FinishReason::kStop ? "stop" : "length";
}

AnswerSplitter::AnswerSplitter(bool reasoning, bool reasoning_opened, bool tools, std::string seed)
    : splits_reasoning_(reasoning),
      splits_tools_(tools),
      reasoning_(reasoning_opened),
      tools_(std::move(seed)) {}

AnswerSplitter::Pieces AnswerSplitter::push(std::string_view text) {
  if (!splits_reasoning_) return through_tools({"", std::string(text)}, false);
  return through_tools(reasoning_.push(text), false);
}

AnswerSplitter::Pieces AnswerSplitter::flush() {
  return through_tools(splits_reasoning_ ? reasoning_.flush() : ReasoningSplitter::Pieces{}, true);
}

AnswerSplitter::Pieces AnswerSplitter::through_tools(ReasoningSplitter::Pieces pieces, bool last) {
  Pieces out;
  out.reasoning = std::move(pieces.reasoning);
  if (!splits_tools_) {
    out.content = std::move(pieces.content);
    return out;
  }
  ToolCallSplitter::Pieces found = tools_.push(pieces.content);
  out.content = std::move(found.content);
  out.calls = std::move(found.calls);
  if (last) {
    ToolCallSplitter::Pieces rest = tools_.flush();
    out.content += rest.content;
    out.calls.insert(out.calls.end(), rest.calls.begin(), rest.calls.end());
  }
  return out;
}

int64_t unix_time() {
  return std::chrono::duration_cast<std::chrono::seconds>(
             std::chrono::system_clock::now().time_since_epoch())
      .count();
}

std::string rfc3339_now() {
  const auto now = std::chrono::system_clock::now();
  const auto us = std::chrono::duration_cast<std::chrono::microseconds>(now.time_since_epoch());
  return fmt::format("{:%Y-%m-%dT%H:%M:%S}.{:06}Z", fmt::gmtime(unix_time()),
                     us.count() % 1'000'000);
}

}  // namespace whet::serve
