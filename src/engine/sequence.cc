#include "engine/sequence.h"

#include <algorithm>
#include <cmath>

#include "base/clock.h"
#include "engine/token_info.h"

namespace whet {
namespace {

// As llama.cpp: --ignore-eos makes every end-of-generation token impossible.
SamplingParams with_end_banned(SamplingParams params, const Tokenizer& tokenizer, bool ban) {
  if (ban) {
    for (TokenId id : tokenizer.end_of_generation()) params.logit_bias.emplace_back(id, -INFINITY);
  }
  return params;
}

}  // namespace

Sequence::Sequence(const Tokenizer& tokenizer, const GenerateRequest& request,
                   const SamplingParams& sampling, int64_t vocab_size,
                   std::span<const int32_t> prompt, int64_t room, KvSequence kv)
    : tokenizer_(tokenizer),
      sampler_(with_end_banned(sampling, tokenizer, request.ignore_eos), vocab_size),
      top_logprobs_(request.top_logprobs),
      room_(room),
      kv_(std::move(kv)),
      history_(prompt.begin(), prompt.end()),
      detokenizer_(tokenizer),
      stop_filter_(request.stop) {}

bool Sequence::is_end(int32_t token) const {
  const auto& ends = tokenizer_.end_of_generation();
  return std::find(ends.begin(), ends.end(), token) != ends.end();
}

std::string Sequence::advance(std::span<const float> logits) {
  auto step = static_cast<uint64_t>(completion_.n_completion_tok);
  int32_t token = sampler_.sample(logits, history_, step);
  completion_.token_ns.push_back(monotonic_ns());
  completion_.tokens.push_back(token);
  ++completion_.n_completion_tok;
  if (top_logprobs_ >= 0)
    completion_.logprobs.push_back(
        token_info(tokenizer_, token_logprob(logits, token, top_logprobs_)));
  history_.push_back(token);

  if (is_end(token)) return finish(FinishReason::kStop);
  // An embedding may have more rows than the vocabulary has tokens; such a row has no text.
  std::string text = token < tokenizer_.vocab_size() ? detokenizer_.push(token) : std::string();
  std::string final_text = stop_filter_.push(text);
  completion_.text += final_text;
  if (stop_filter_.stopped()) return final_text + finish(FinishReason::kStop);
  if (completion_.n_completion_tok >= room_) return final_text + finish(FinishReason::kLength);
  return final_text;
}

std::string Sequence::finish(FinishReason reason) {
  active_ = false;
  std::string rest = stop_filter_.push(detokenizer_.flush());
  rest += stop_filter_.flush();
  completion_.text += rest;
  completion_.finish = stop_filter_.stopped() ? FinishReason::kStop : reason;
  completion_.end_ns = monotonic_ns();
  return rest;
}

}  // namespace whet
