// Generator: the one door to a model for strategies, experiments and (later) the server. The local
// engine, remote engines and the scripted fake of the tests implement it.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/result.h"

namespace whet {

/// Sampling of one completion. Defaults are llama.cpp's command-line defaults.
struct SamplingParams {
  double temperature = 0.8;  // 0 = greedy
  int top_k = 40;            // 0 = off
  double top_p = 0.95;       // 1 = off
  double min_p = 0.05;       // 0 = off
  double repeat_penalty = 1.0;
  double presence_penalty = 0.0;
  double frequency_penalty = 0.0;
  int repeat_last_n = 64;  // window of the penalties in tokens; 0 = off, -1 = context
  std::vector<std::pair<int32_t, double>> logit_bias;  // token id, added to its logit
  uint64_t seed = 0;
};

struct ChatMessage {
  std::string role;  // "system", "user", "assistant"
  std::string content;
};

struct GenerateRequest {
  /// Either chat messages (rendered by the model's template, generation prompt added) ...
  std::vector<ChatMessage> messages;
  /// ... or, if `messages` is empty, a raw prompt (BOS added where the model wants it).
  std::string prompt;

  /// One entry per completion; all completions share one prefill and are decoded in one batch.
  std::vector<SamplingParams> samples{SamplingParams{}};
  int64_t max_tokens = -1;  // per completion; -1 = until the context is full
  std::vector<std::string> stop;
  bool ignore_eos = false;
  /// >= 0: log-probabilities of each chosen token and of that many top alternatives.
  int top_logprobs = -1;
  /// Stops all completions when the monotonic clock passes it (finish reason kTime); 0 = none.
  int64_t deadline_ns = 0;
};

enum class FinishReason { kStop, kLength, kTime, kCancelled };
/// "stop", "length", "time", "cancelled".
std::string_view finish_reason_name(FinishReason reason);

struct TokenLogprob {
  int32_t id;
  double logprob;  // natural log, before temperature and truncation
  std::vector<std::pair<int32_t, double>> top;
};

struct Completion {
  std::string text;  // without the stop string or end-of-turn token
  std::vector<int32_t> tokens;
  std::vector<TokenLogprob> logprobs;  // empty unless asked for
  FinishReason finish = FinishReason::kStop;
  int64_t n_completion_tok = 0;   // sampled tokens, including the end-of-turn token
  int64_t end_ns = 0;             // monotonic time of the last token
  std::vector<int64_t> token_ns;  // monotonic time of each sampled token
};

struct GenerateResult {
  std::vector<Completion> completions;
  int64_t n_prompt_tok = 0;    // of the shared prompt, counted once
  int64_t start_ns = 0;        // request accepted
  int64_t prefill_end_ns = 0;  // prompt's last logits ready
  int64_t first_token_ns = 0;
  int64_t end_ns = 0;
  uint64_t kv_committed_bytes = 0;  // peak of this request
};

/// Called for each piece of text as it is final (whole code points, no stop string).
/// Arguments: index of the completion, the new text.
using StreamCallback = std::function<void(size_t, std::string_view)>;

/// Set from another thread or a signal handler; generation stops at the next step.
class CancelFlag {
 public:
  void cancel() { flag_.store(true, std::memory_order_relaxed); }
  bool cancelled() const { return flag_.load(std::memory_order_relaxed); }

 private:
  std::atomic<bool> flag_{false};
};

class Generator {
 public:
  virtual ~Generator() = default;
  /// Errors: prompt longer than the context (says both lengths), bad parameter (names it),
  /// template failure. A cancelled request returns what it has, with FinishReason::kCancelled.
  virtual Result<GenerateResult> generate(const GenerateRequest& request,
                                          const StreamCallback& on_text = nullptr,
                                          const CancelFlag* cancel = nullptr) = 0;
  /// Tokens that `request` would prefill, without running it.
  virtual Result<int64_t> count_prompt_tokens(const GenerateRequest& request) = 0;
};

}  // namespace whet
