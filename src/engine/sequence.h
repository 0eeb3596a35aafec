// Sequence: one completion while it is being decoded.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "decode/sampler.h"
#include "decode/stop_filter.h"
#include "generator/generator.h"
#include "kv/kv_sequence.h"
#include "token/detokenizer.h"
#include "token/tokenizer.h"

namespace whet {

class Sequence {
 public:
  /// `room` >= 1: tokens that may be sampled before max_tokens or the context ends.
  Sequence(const Tokenizer& tokenizer, const GenerateRequest& request,
           const SamplingParams& sampling, int64_t vocab_size, std::span<const int32_t> prompt,
           int64_t room, KvSequence kv);

  /// Samples the next token from logits [V]; returns text that has become final.
  std::string advance(std::span<const float> logits);
  /// Ends the sequence from outside; returns withheld text.
  std::string finish(FinishReason reason);

  bool active() const { return active_; }
  /// The token whose logits are needed next; only while active.
  std::span<const int32_t> pending_token() const { return {&history_.back(), 1}; }
  KvSequence& kv() { return kv_; }
  /// Sampled tokens with their log-probabilities since the last call, where asked for.
  std::span<const TokenInfo> take_news() {
    std::span<const TokenInfo> news(completion_.logprobs);
    return news.subspan(std::exchange(n_told_, news.size()));
  }
  std::optional<FinishReason> finish_reason() const {
    return active_ ? std::nullopt : std::optional(completion_.finish);
  }
  Completion take_completion() { return std::move(completion_); }

 private:
  bool is_end(int32_t token) const;

  const Tokenizer& tokenizer_;
  Sampler sampler_;
  int top_logprobs_;
  int64_t room_;
  KvSequence kv_;
  std::vector<int32_t> history_;  // prompt and sampled tokens
  Detokenizer detokenizer_;
  StopFilter stop_filter_;
  Completion completion_;
  size_t n_told_ = 0;
  bool active_ = true;
};

}  // namespace whet
