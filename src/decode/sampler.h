// The one sampler: logits of one row -> one token, with its log-probability where asked for.
#pragma once

#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#include "base/result.h"
#include "base/rng.h"
#include "decode/mask.h"
#include "generator/events.h"
#include "generator/request.h"

namespace whet {

/// Checks ranges and that biased ids are below `vocab_size`; the error names the parameter.
Status validate(const SamplingParams& params, int64_t vocab_size);

/// Errors: kInvalidModel where a logit is NaN or infinite, which no sound model computes; names the
/// token. To be asked before a row is sampled from or scored.
Status check_finite(std::span<const float> logits);

class Sampler {
 public:
  /// `params` must be valid for logits of `vocab_size`.
  Sampler(const SamplingParams& params, int64_t vocab_size);

  /// Draws the next token. Chain, as llama.cpp's default: logit bias, penalties over the last
  /// `repeat_last_n` tokens of `history`, top-k, top-p, min-p, temperature. `step` numbers the
  /// draw: the same (seed, step, logits, history) gives the same token in any batch. logits [V]
  /// f32, not modified. Ties in probability go to the lower id. A `mask` takes away the other
  /// tokens before truncation, as if their logits were -inf; returns kNoToken where that, with the
  /// logit bias, leaves none.
  int32_t sample(std::span<const float> logits, std::span<const int32_t> history, uint64_t step,
                 const Mask* mask = nullptr);

  static constexpr int32_t kNoToken = -1;

 private:
  struct Candidate {
    int32_t id;
    float logit;
  };

  void penalise(std::span<const int32_t> history);
  void keep_allowed(const Mask& mask);
  int32_t draw(uint64_t step, bool masked);
  void keep_top_k(size_t k);
  void keep_top_p(double peak);
  void keep_min_p(double peak);
  void sort_more(size_t n);

  SamplingParams params_;
  CounterRng rng_;
  std::vector<float> adjusted_;  // logits after bias and penalties
  std::vector<int32_t> counts_;  // of each id in the penalty window; all zero between calls
  std::vector<Candidate> candidates_;
  size_t n_sorted_ = 0;         // candidates_ before this are the likeliest, in descending order
  std::vector<float> weights_;  // of the candidates, relative to the likeliest
};

struct TokenLogprob {
  int32_t id;
  double logprob;  // natural log, before temperature and truncation
  std::vector<std::pair<int32_t, double>> top;
};

/// Natural-log probability of `chosen` under softmax(logits), the model's own distribution before
/// bias, penalties and masks, and of the `n_top` likeliest tokens
/// (descending, ties to the lower id).
TokenLogprob token_logprob(std::span<const float> logits, int32_t chosen, int n_top);

/// The spread of softmax(logits). logits [V] f32, finite.
Spread spread_of(std::span<const float> logits);

}  // namespace whet
