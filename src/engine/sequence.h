// Sequence: one completion while it is being made: ids, sampler, text, keys and values.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/error.h"
#include "decode/constraint.h"
#include "decode/sampler.h"
#include "decode/stop_filter.h"
#include "engine/state_pool.h"
#include "generator/generator.h"
#include "kv/kv_sequence.h"
#include "token/detokenizer.h"
#include "token/tokenizer.h"

namespace whet {

/// What a sequence has to tell since it was last asked.
struct SequenceNews {
  std::string text;
  std::vector<TokenInfo> tokens;
  std::optional<FinishReason> finish;
  bool empty() const { return text.empty() && tokens.empty() && !finish; }
};

class Sequence {
 public:
  /// `room` >= 0: tokens that may be sampled before max_tokens or the context ends. `logits_size`:
  /// V of the model. `constraint`: of the request's grammar, shared by its sequences; null without
  /// one. References must outlive the sequence.
  Sequence(const Tokenizer& tokenizer, const GenerateRequest& request,
           const SamplingParams& sampling, int64_t logits_size, std::span<const int32_t> prompt,
           int64_t room, std::shared_ptr<const Constraint> constraint);

  /// Samples from the rows of `logits` [n, V], n >= 1: the next token, then, as long as each token
  /// sampled is the one proposed, those behind the n-1 proposals. Returns the tokens taken; not
  /// all of them if a proposal was missed or the sequence ended.
  int64_t advance(std::span<const float> logits, std::span<const int32_t> proposals);
  /// Notes the log-probabilities of the prompt's tokens that the rows of `logits` [n, V] predict;
  /// the first row is that of position `first`.
  void score_prompt(std::span<const float> logits, int64_t first);
  /// Ends the sequence from outside.
  void finish(FinishReason reason);

  bool active() const { return active_; }
  /// Why no token could be sampled or scored, if that ended the sequence.
  const std::optional<Error>& error() const { return error_; }
  int64_t room() const { return room_ - completion_.n_completion_tok; }
  int64_t n_prompt() const { return static_cast<int64_t>(n_prompt_); }
  /// How many of these tokens, from the first on, the grammar would let follow.
  size_t n_admitted(std::span<const int32_t> proposals) const;
  /// What would be drawn from these logits [V] behind the tokens `ahead`; nothing where the grammar
  /// allows none.
  std::optional<int32_t> foresee(std::span<const float> logits, std::span<const int32_t> ahead);
  /// Prompt and sampled tokens.
  std::span<const int32_t> ids() const { return history_; }
  SequenceNews take_news();
  Completion take_completion() { return std::move(completion_); }
  std::vector<TokenInfo> take_prompt_tokens() { return std::move(prompt_tokens_); }

  /// None until the prompt is there; behind it are the keys and values of ids()[0, kv->size()).
  std::optional<KvSequence> kv;
  /// Proposed for the next step.
  std::vector<int32_t> draft;
  /// Of a text that becomes a vector: nothing is sampled or scored.
  std::optional<StatePool> pool;

 private:
  Result<int32_t> sample(std::span<const float> logits);
  void take(int32_t token, std::span<const float> logits);
  void fail(const Error& error);
  bool is_end(int32_t token) const;

  const Tokenizer& tokenizer_;
  Sampler sampler_;
  std::optional<Sampler> endless_;  // for the first min_tokens tokens
  int64_t logits_size_;
  int64_t min_tokens_;
  int top_logprobs_;
  bool wants_spread_;
  int prompt_logprobs_;
  size_t n_prompt_;
  int64_t room_;
  std::vector<int32_t> history_;
  Detokenizer detokenizer_;
  StopFilter stop_filter_;
  std::shared_ptr<const Constraint> constraint_;
  Constraint::State constraint_state_;
  std::optional<Error> error_;
  Completion completion_;
  std::vector<TokenInfo> prompt_tokens_;
  size_t n_text_told_ = 0, n_tokens_told_ = 0;
  bool finish_told_ = false;
  bool active_ = true;
};

}  // namespace whet
