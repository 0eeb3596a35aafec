// GenerateRequest: what is asked of a model, and how its answer is sampled.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "generator/prompt.h"

namespace whet {

namespace grammar {
class Grammar;
}

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

struct GenerateRequest {
  Prompt prompt;

  /// One entry per completion; all completions share one prefill and are decoded together.
  std::vector<SamplingParams> samples{SamplingParams{}};
  int64_t max_tokens = -1;  // per completion; -1 = until the context is full
  int64_t min_tokens = 0;   // before this many no token that ends the turn is sampled
  std::vector<std::string> stop;
  /// What the text of each completion must be; it ends where nothing can follow. Null = anything.
  std::shared_ptr<const grammar::Grammar> grammar = nullptr;
  bool ignore_eos = false;
  /// >= 0: log-probabilities of each chosen token and of that many top alternatives.
  int top_logprobs = -1;
  /// With these, the spread of the distribution that each token was chosen from.
  bool spread = false;
  /// >= 0: the same of the prompt's tokens.
  int prompt_logprobs = -1;
  /// Stops all completions when the monotonic clock passes it (finish reason kTime); 0 = none.
  int64_t deadline_ns = 0;
  /// Lets the engine propose tokens ahead, where it does so. Changes the time, never the text.
  bool speculate = true;
  /// Requests share cached prompts, and texts to propose from, only within one scope.
  std::string cache_scope;

  /// The prompt as a conversation; makes it one if it is not.
  Conversation& conversation() {
    if (!std::holds_alternative<Conversation>(prompt)) prompt = Conversation{};
    return std::get<Conversation>(prompt);
  }
};

}  // namespace whet
