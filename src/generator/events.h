// What a model answers: events while it generates, and the whole result.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "generator/speculation_counts.h"

namespace whet {

enum class FinishReason { kStop, kLength, kTime, kCancelled };
/// "stop", "length", "time", "cancelled".
std::string_view finish_reason_name(FinishReason reason);

/// How the model spread its probability over the whole vocabulary at one position, before
/// temperature and truncation.
struct Spread {
  double entropy = 0;       // nats
  double varentropy = 0;    // variance of the surprisal, nats^2
  double mean_logprob = 0;  // unweighted mean over the vocabulary, nats
};

/// One sampled or scored token. A remote engine knows no id, the local one always does.
struct TokenInfo {
  std::optional<int32_t> id = {};
  std::string bytes = {};           // what it adds to the text; control tokens as they are spelt
  double logprob = 0;               // natural log, before temperature and truncation
  std::vector<TokenInfo> top = {};  // likeliest alternatives, descending; their own `top` is empty
  std::optional<Spread> spread = {};  // if it was asked for
};

/// News of one completion.
struct GenerateEvent {
  size_t sample;
  std::string_view text;              // newly final: whole code points, no stop string
  std::span<const TokenInfo> tokens;  // newly sampled, if asked for; may precede their text
  std::optional<FinishReason> finish;
};
enum class Continue { kYes, kEndSample, kEndRequest };
/// Called on the thread that called generate(), never inside a step: a slow reader slows no one
/// else. A sample ended so has FinishReason::kCancelled.
using EventSink = std::function<Continue(const GenerateEvent&)>;

struct Completion {
  std::string text;  // without the stop string or end-of-turn token
  std::vector<int32_t> tokens;
  std::vector<TokenInfo> logprobs;  // empty unless asked for
  FinishReason finish = FinishReason::kStop;
  std::string stop;               // the stop string that ended it; empty = none did
  int64_t n_completion_tok = 0;   // sampled tokens, including the end-of-turn token
  int64_t end_ns = 0;             // monotonic time of the last token
  std::vector<int64_t> token_ns;  // monotonic time of each sampled token
};

struct GenerateResult {
  std::vector<Completion> completions;
  /// Of each prompt token, if asked for; the first has no predecessor and the logprob 0.
  std::vector<TokenInfo> prompt_tokens;
  int64_t n_prompt_tok = 0;    // of the shared prompt, counted once
  int64_t n_cached_tok = 0;    // of these, found in the prefix cache instead of computed
  int64_t start_ns = 0;        // request accepted
  int64_t prefill_end_ns = 0;  // prompt's last logits ready
  int64_t first_token_ns = 0;
  int64_t end_ns = 0;
  uint64_t kv_committed_bytes = 0;  // peak of this request
  SpeculationCounts speculation;    // of all completions
};

}  // namespace whet
