#include "engine/sequence.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <utility>

#include "base/check.h"
#include "base/clock.h"
#include "engine/token_info.h"

namespace whet {
namespace {

// As llama.cpp's --ignore-eos: makes every end-of-generation token impossible.
SamplingParams with_ends_banned(SamplingParams params, const Tokenizer& tokenizer) {
  for (TokenId id : tokenizer.end_of_generation()) params.logit_bias.emplace_back(id, -INFINITY);
  return params;
}

}  // namespace

Sequence::Sequence(const Tokenizer& tokenizer, const GenerateRequest& request,
                   const SamplingParams& sampling, int64_t logits_size,
                   std::span<const int32_t> prompt, int64_t room,
                   std::shared_ptr<const Constraint> constraint)
    : tokenizer_(tokenizer),
      sampler_(request.ignore_eos ? with_ends_banned(sampling, tokenizer) : sampling, logits_size),
      logits_size_(logits_size),
      min_tokens_(request.min_tokens),
      top_logprobs_(request.top_logprobs),
      wants_spread_(request.spread),
      prompt_logprobs_(request.prompt_logprobs),
      n_prompt_(prompt.size()),
      room_(room),
      history_(prompt.begin(), prompt.end()),
      detokenizer_(tokenizer),
      stop_filter_(request.stop),
      constraint_(std::move(constraint)) {
  if (constraint_ != nullptr) constraint_state_ = constraint_->start();
  if (min_tokens_ > 0) endless_.emplace(with_ends_banned(sampling, tokenizer), logits_size);
}

bool Sequence::is_end(int32_t token) const {
  const auto& ends = tokenizer_.end_of_generation();
  return std::find(ends.begin(), ends.end(), token) != ends.end();
}

Result<int32_t> Sequence::sample(std::span<const float> logits) {
  const Status finite = check_finite(logits);
  if (!finite.ok()) return finite.error().with_context("sampling the next token");
  const int64_t step = completion_.n_completion_tok;
  Sampler& sampler = step < min_tokens_ ? *endless_ : sampler_;
  if (constraint_ == nullptr) {
    return sampler.sample(logits, history_, static_cast<uint64_t>(step));
  }
  WHET_TRY(const auto mask, constraint_->allowed(constraint_state_));
  const int32_t token = sampler.sample(logits, history_, static_cast<uint64_t>(step), mask.get());
  if (token == Sampler::kNoToken) {
    return Error(
        ErrorCode::kInvalidArgument,
        fmt::format("no token is left behind \"{}\": the grammar allows {} of the {} tokens "
                    "there, and --logit-bias, --ignore-eos or min_tokens excludes those",
                    completion_.text, mask->count(), mask->size()));
  }
  WHET_CHECK(constraint_->accept(constraint_state_, token));
  return token;
}

int64_t Sequence::advance(std::span<const float> logits, std::span<const int32_t> proposals) {
  const auto vocab = static_cast<size_t>(logits_size_);
  for (size_t row = 0;; ++row) {
    const std::span<const float> here = logits.subspan(row * vocab, vocab);
    const auto token = sample(here);
    if (token.ok()) {
      take(*token, here);
    } else {
      fail(token.error());
    }
    if (!active_ || row == proposals.size() || *token != proposals[row]) {
      return static_cast<int64_t>(row) + 1;
    }
  }
}

size_t Sequence::n_admitted(std::span<const int32_t> proposals) const {
  if (constraint_ == nullptr) return proposals.size();
  Constraint::State state = constraint_state_;
  size_t n = 0;
  while (n < proposals.size() && constraint_->accept(state, proposals[n])) ++n;
  return n;
}

std::optional<int32_t> Sequence::foresee(std::span<const float> logits,
                                         std::span<const int32_t> ahead) {
  const int64_t step = completion_.n_completion_tok + static_cast<int64_t>(ahead.size());
  Sampler& sampler = step < min_tokens_ ? *endless_ : sampler_;
  std::shared_ptr<const Mask> mask;
  if (constraint_ != nullptr) {
    Constraint::State state = constraint_state_;
    for (const int32_t token : ahead) {
      if (!constraint_->accept(state, token)) return std::nullopt;
    }
    auto allowed = constraint_->allowed(state);
    if (!allowed.ok()) return std::nullopt;
    mask = *allowed;
  }
  const size_t n_known = history_.size();
  history_.insert(history_.end(), ahead.begin(), ahead.end());
  const int32_t token = sampler.sample(logits, history_, static_cast<uint64_t>(step), mask.get());
  history_.resize(n_known);
  return token == Sampler::kNoToken ? std::nullopt : std::optional(token);
}

void Sequence::fail(const Error& error) {
  error_ = error;
  finish(FinishReason::kStop);
}

void Sequence::score_prompt(std::span<const float> logits, int64_t first) {
  if (prompt_logprobs_ < 0) return;
  if (first == 0) {
    prompt_tokens_.clear();  // of an attempt that gave way
    prompt_tokens_.push_back(token_info(tokenizer_, {history_[0], 0.0, {}}));
  }
  const auto vocab = static_cast<size_t>(logits_size_);
  for (size_t row = 0; row < logits.size() / vocab; ++row) {
    const size_t next = static_cast<size_t>(first) + row + 1;
    if (next >= n_prompt_ || !active_) break;
    const std::span<const float> here = logits.subspan(row * vocab, vocab);
    if (const Status finite = check_finite(here); !finite.ok()) {
      return fail(finite.error().with_context("scoring the text"));
    }
    prompt_tokens_.push_back(
        token_info(tokenizer_, token_logprob(here, history_[next], prompt_logprobs_)));
  }
}

void Sequence::take(int32_t token, std::span<const float> logits) {
  completion_.token_ns.push_back(monotonic_ns());
  completion_.tokens.push_back(token);
  ++completion_.n_completion_tok;
  if (top_logprobs_ >= 0) {
    completion_.logprobs.push_back(
        token_info(tokenizer_, token_logprob(logits, token, top_logprobs_)));
    if (wants_spread_) completion_.logprobs.back().spread = spread_of(logits);
  }
  history_.push_back(token);

  if (is_end(token)) return finish(FinishReason::kStop);
  // An embedding may have more rows than the vocabulary has tokens; such a row has no text.
  if (token < tokenizer_.vocab_size()) {
    completion_.text += stop_filter_.push(detokenizer_.push(token));
  }
  if (stop_filter_.stopped()) return finish(FinishReason::kStop);
  if (constraint_ != nullptr && constraint_->is_finished(constraint_state_)) {
    return finish(FinishReason::kStop);
  }
  if (completion_.n_completion_tok >= room_) finish(FinishReason::kLength);
}

void Sequence::finish(FinishReason reason) {
  WHET_CHECK(active_);
  active_ = false;
  completion_.text += stop_filter_.push(detokenizer_.flush());
  completion_.text += stop_filter_.flush();
  completion_.finish = stop_filter_.stopped() ? FinishReason::kStop : reason;
  completion_.stop = stop_filter_.stop();
  completion_.end_ns = monotonic_ns();
}

SequenceNews Sequence::take_news() {
  SequenceNews news;
  news.text = completion_.text.substr(n_text_told_);
  n_text_told_ = completion_.text.size();
  news.tokens.assign(completion_.logprobs.begin() + static_cast<ptrdiff_t>(n_tokens_told_),
                     completion_.logprobs.end());
  n_tokens_told_ = completion_.logprobs.size();
  if (!active_ && !std::exchange(finish_told_, true)) news.finish = completion_.finish;
  return news;
}

}  // namespace whet
