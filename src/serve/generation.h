// What the routes of all dialects share about generating: running a request with its reply as the
// one who may go away, counting it, and the parts that replies are made of.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "engine/base_tokens.h"
#include "generator/generator.h"
#include "serve/reasoning.h"
#include "serve/server.h"
#include "serve/tool_calls.h"

namespace whet::serve {

/// Runs a request; counts it in the metrics. The sink may be empty.
Result<GenerateResult> generate(Exchange& exchange, Generator& generator,
                                const GenerateRequest& request, const EventSink& sink);

int64_t completion_tokens(const GenerateResult& result);
/// "prompt_tokens" and so on, with cached tokens.
Json usage_json(int64_t n_prompt, int64_t n_cached, int64_t n_completion);
/// The same in tokens of the base vocabulary, as "base_tokens", where the model's has phrases.
void add_base_tokens(Json& usage, const std::optional<BaseTokens>& counted);
/// The same while a completion goes on, where the request said how long its prompt is.
struct RunningUsage {
  std::optional<int64_t> n_prompt;  // none: not reported
  int64_t n_completion = 0;
  void add_to(Json& chunk) const;
};
/// The usage of a stream that reports it with every chunk: counts the prompt, and has the request
/// tell of each token. Errors: as generate().
Result<RunningUsage> continuous_usage(Generator& generator, GenerateRequest& request);

/// llama-server's timings.
Json timings_json(const GenerateResult& result);
/// "stop" or "length"; "time" and "cancelled" count as length: the text is not whole.
std::string_view openai_finish(FinishReason reason);

/// Text of one completion -> reasoning, content and calls of tools.
class AnswerSplitter {
 public:
  struct Pieces {
    std::string reasoning, content;
    std::vector<ToolCall> calls;
    bool empty() const { return reasoning.empty() && content.empty() && calls.empty(); }
  };
  AnswerSplitter(bool reasoning, bool reasoning_opened, bool tools, std::string seed);
  Pieces push(std::string_view text);
  Pieces flush();

 private:
  Pieces through_tools(ReasoningSplitter::Pieces pieces, bool last);

  bool splits_reasoning_, splits_tools_;
  ReasoningSplitter reasoning_;
  ToolCallSplitter tools_;
};

/// Seconds since 1970.
int64_t unix_time();
/// "2026-11-28T17:00:00.123456Z".
std::string rfc3339_now();

}  // namespace whet::serve
