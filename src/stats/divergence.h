// How far the next-token distributions of one model are from those of another, token by token:
// Kullback-Leibler divergence and what belongs to it, as llama-perplexity --kl-divergence has it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

namespace whet::stats {

/// At one position of a text.
struct TokenDivergence {
  double kl;                // sum over the vocabulary of p_base * ln(p_base / p), in nats
  double nats, base_nats;   // -ln of what each model gave the token that came
  bool same_top;            // both hold the same token the likeliest
  double probability_gain;  // of the token that came: p - p_base
};

/// `base`: log-probabilities, `logits` of as many tokens, all finite; token < base.size(). Base
/// values need not add up to one exactly (they may have been rounded): they are taken as they are.
/// Those up to `cut_at` are left out of the divergence, as stand-ins for smaller ones.
TokenDivergence divergence_at(std::span<const float> base, std::span<const float> logits,
                              size_t token, float cut_at);

/// A mean and its standard error (missing below two tokens); tokens count as independent.
struct MeanWithError {
  double value;
  std::optional<double> error;
};

struct DivergenceSummary {
  int64_t n = 0;
  MeanWithError nats, base_nats;  // their exp() are the perplexities
  MeanWithError log_ratio;        // of the perplexities: mean of nats - base_nats
  MeanWithError kl;
  double kl_median = 0, kl_99 = 0, kl_999 = 0, kl_max = 0;  // quantiles: 50, 99 and 99.9 %
  MeanWithError same_top;                                   // share
  MeanWithError probability_gain;
  double probability_change = 0;  // root of the mean square of the gains
};

/// Precondition: at least one token.
DivergenceSummary summarise(std::span<const TokenDivergence> tokens);

}  // namespace whet::stats
