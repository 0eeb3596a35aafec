#include "decode/sampler.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <iterator>
#include <numeric>

#include "base/check.h"
#include "kernels/kernels.h"

namespace whet {
namespace {

Error bad(std::string_view name, std::string_view expected, double found) {
  return Error(ErrorCode::kInvalidArgument,
               fmt::format("{}: expected {}, found {}", name, expected, found));
}

constexpr uint32_t kExponent = 0x7f800000;  // of a float; all ones: NaN or an infinity

/// The order of candidates: ties go to the lower id.
constexpr auto likelier = [](const auto& a, const auto& b) {
  return a.logit != b.logit ? a.logit > b.logit : a.id < b.id;
};

}  // namespace

Status validate(const SamplingParams& p, int64_t vocab_size) {
  auto in = [](double x, double low, double high) { return x >= low && x <= high; };
  if (!in(p.temperature, 0, 100)) return bad("temperature", "0 to 100", p.temperature);
  if (p.top_k < 0) return bad("top-k", "0 (off) or more", p.top_k);
  if (!(p.top_p > 0 && p.top_p <= 1)) return bad("top-p", "above 0 and at most 1", p.top_p);
  if (!in(p.min_p, 0, 1)) return bad("min-p", "0 to 1", p.min_p);
  if (!in(p.repeat_penalty, 1e-3, 1e3)) {
    return bad("repeat-penalty", "0.001 to 1000 (1 = off)", p.repeat_penalty);
  }
  if (!in(p.presence_penalty, -1e3, 1e3)) {
    return bad("presence-penalty", "-1000 to 1000", p.presence_penalty);
  }
  if (!in(p.frequency_penalty, -1e3, 1e3)) {
    return bad("frequency-penalty", "-1000 to 1000", p.frequency_penalty);
  }
  if (p.repeat_last_n < -1)
    return bad("repeat-last-n", "-1 (context), 0 (off) or more", p.repeat_last_n);
  for (auto [id, bias] : p.logit_bias) {
    if (id < 0 || id >= vocab_size) {
      return bad("logit-bias token id", fmt::format("0 to {}", vocab_size - 1), id);
    }
    if (std::isnan(bias)) return bad("logit-bias value", "a number", bias);
  }
  return ok_status();
}

Status check_finite(std::span<const float> logits) {
  const auto is_bad = [](float x) { return (std::bit_cast<uint32_t>(x) & kExponent) == kExponent; };
  uint32_t any = 0;  // without a branch, for it is asked of every row
  for (float x : logits) any |= is_bad(x) ? 1u : 0u;
  if (any == 0) return ok_status();
  const auto bad = std::find_if(logits.begin(), logits.end(), is_bad);
  return Error(ErrorCode::kInvalidModel,
               fmt::format("expected finite logits, found {} for token {}: a weight is damaged, or "
                           "the activations overflow; whet verify names tensors with such values",
                           *bad, bad - logits.begin()));
}

Sampler::Sampler(const SamplingParams& params, int64_t vocab_size)
    : params_(params), rng_(params.seed, 0), counts_(static_cast<size_t>(vocab_size), 0) {}

int32_t Sampler::sample(std::span<const float> logits, std::span<const int32_t> history,
                        uint64_t step, const Mask* mask) {
  WHET_DCHECK(logits.size() == counts_.size());
  adjusted_.assign(logits.begin(), logits.end());
  for (auto [id, bias] : params_.logit_bias) {
    adjusted_[static_cast<size_t>(id)] += static_cast<float>(bias);
  }
  penalise(history);
  if (mask != nullptr) {
    keep_allowed(*mask);
    const float peak = kernels::kernels().max(adjusted_.data(), adjusted_.size());
    if (!(peak > -INFINITY)) return kNoToken;
  }
  if (params_.temperature == 0) {
    return static_cast<int32_t>(std::max_element(adjusted_.begin(), adjusted_.end()) -
                                adjusted_.begin());
  }
  return draw(step, mask != nullptr);
}

// As llama.cpp: the repetition penalty divides positive and multiplies negative logits; presence
// and frequency penalties are subtracted.
void Sampler::penalise(std::span<const int32_t> history) {
  bool off = params_.repeat_penalty == 1 && params_.presence_penalty == 0 &&
             params_.frequency_penalty == 0;
  if (off || params_.repeat_last_n == 0) return;
  if (params_.repeat_last_n > 0 && history.size() > static_cast<size_t>(params_.repeat_last_n)) {
    history = history.last(static_cast<size_t>(params_.repeat_last_n));
  }
  for (int32_t id : history) ++counts_[static_cast<size_t>(id)];
  for (int32_t id : history) {
    int32_t& count = counts_[static_cast<size_t>(id)];
    if (count == 0) continue;
    float& logit = adjusted_[static_cast<size_t>(id)];
    auto penalty = static_cast<float>(params_.repeat_penalty);
    logit = logit > 0 ? logit / penalty : logit * penalty;
    logit -= static_cast<float>(count * params_.frequency_penalty + params_.presence_penalty);
    count = 0;
  }
}

void Sampler::keep_allowed(const Mask& mask) {
  const auto words = mask.words();
  for (size_t i = 0; i < adjusted_.size(); ++i) {
    if (i % 64 == 0 && i / 64 < words.size() && words[i / 64] == ~uint64_t{0}) {
      i += 63;  // all of them are
    } else if (!mask.allows(static_cast<int32_t>(i))) {
      adjusted_[i] = -INFINITY;
    }
  }
}

int32_t Sampler::draw(uint64_t step, bool masked) {
  const auto n = adjusted_.size();
  const double peak = kernels::kernels().max(adjusted_.data(), n);
  keep_top_k(params_.top_k > 0 ? std::min(n, static_cast<size_t>(params_.top_k)) : n);
  // A weight of 0 is not enough: the last candidate is what rounding leaves over.
  if (masked) std::erase_if(candidates_, [](const Candidate& c) { return c.logit == -INFINITY; });
  if (params_.top_p < 1) keep_top_p(peak);
  if (params_.min_p > 0) keep_min_p(peak);

  double total = 0;
  weights_.resize(candidates_.size());
  for (size_t i = 0; i < candidates_.size(); ++i) {
    weights_[i] = std::exp(static_cast<float>((candidates_[i].logit - peak) / params_.temperature));
    total += weights_[i];
  }
  double target = rng_.uniform(step) * total;
  for (size_t i = 0; i + 1 < candidates_.size(); ++i) {
    target -= weights_[i];
    if (target < 0) return candidates_[i].id;
  }
  return candidates_.back().id;
}

// One pass with a heap of the k likeliest so far, the least of them on top: almost every logit is
// refused by one comparison.
void Sampler::keep_top_k(size_t k) {
  candidates_.clear();
  n_sorted_ = 0;
  for (size_t i = 0; i < adjusted_.size(); ++i) {
    const Candidate candidate{static_cast<int32_t>(i), adjusted_[i]};
    if (candidates_.size() < k) {
      candidates_.push_back(candidate);
      if (candidates_.size() == k && k < adjusted_.size()) {
        std::make_heap(candidates_.begin(), candidates_.end(), likelier);
      }
    } else if (likelier(candidate, candidates_.front())) {
      std::pop_heap(candidates_.begin(), candidates_.end(), likelier);
      candidates_.back() = candidate;
      std::push_heap(candidates_.begin(), candidates_.end(), likelier);
    }
  }
}

/// The smallest set of likeliest candidates that reaches the mass. Sorts no more than it needs:
/// of a large vocabulary a few dozen tokens mostly have it.
void Sampler::keep_top_p(double peak) {
  const size_t n = candidates_.size();
  double total = 0;
  for (const Candidate& candidate : candidates_) {
    total += std::exp(static_cast<float>(candidate.logit - peak));
  }
  double mass = 0;
  size_t keep = 0;
  while (keep < n && mass < params_.top_p * total) {
    if (keep == n_sorted_) sort_more(64);
    mass += std::exp(static_cast<float>(candidates_[keep++].logit - peak));
  }
  candidates_.resize(std::max<size_t>(keep, 1));
}

void Sampler::keep_min_p(double peak) {
  const double least = peak + std::log(params_.min_p);
  std::erase_if(candidates_, [&](const Candidate& c) { return c.logit < least; });
}

void Sampler::sort_more(size_t n) {
  const auto begin = candidates_.begin() + static_cast<ptrdiff_t>(n_sorted_);
  const auto left = static_cast<size_t>(candidates_.end() - begin);
  const auto end = begin + static_cast<ptrdiff_t>(std::min(n, left));
  std::partial_sort(begin, end, candidates_.end(), likelier);
  n_sorted_ += std::min(n, left);
}

TokenLogprob token_logprob(std::span<const float> logits, int32_t chosen, int n_top) {
  const kernels::KernelTable& kernel = kernels::kernels();
  const float peak = kernel.max(logits.data(), logits.size());
  double sum = 0;  // of float sums over pieces short enough to lose nothing that shows
  float scratch[1024];
  for (size_t i = 0; i < logits.size(); i += std::size(scratch)) {
    sum += kernel.exp_sum(logits.data() + i, std::min(std::size(scratch), logits.size() - i), peak,
                          scratch);
  }
  const double log_total = peak + std::log(sum);

  TokenLogprob result{chosen, logits[static_cast<size_t>(chosen)] - log_total, {}};
  if (n_top <= 0) return result;
  std::vector<int32_t> order(logits.size());
  std::iota(order.begin(), order.end(), 0);
  size_t n = std::min(static_cast<size_t>(n_top), order.size());
  std::partial_sort(order.begin(), order.begin() + static_cast<ptrdiff_t>(n), order.end(),
                    [&](int32_t a, int32_t b) {
                      float x = logits[static_cast<size_t>(a)], y = logits[static_cast<size_t>(b)];
                      return x != y ? x > y : a < b;
                    });
  for (size_t i = 0; i < n; ++i) {
    result.top.emplace_back(order[i], logits[static_cast<size_t>(order[i])] - log_total);
  }
  return result;
}

Spread spread_of(std::span<const float> logits) {
  const double peak = kernels::kernels().max(logits.data(), logits.size());
  double total = 0, weighted = 0, weighted_squares = 0, plain = 0;
  for (const float logit : logits) {
    const double below = logit - peak;
    const double weight = std::exp(below);
    total += weight;
    weighted += weight * below;
    weighted_squares += weight * below * below;
    plain += below;
  }
  // log p = below - log total, so its moments are those of `below`, moved.
  const double log_total = std::log(total);
  const double mean = weighted / total;
  return {.entropy = std::max(log_total - mean, 0.0),
          .varentropy = std::max(weighted_squares / total - mean * mean, 0.0),
          .mean_logprob = plain / static_cast<double>(logits.size()) - log_total};
}

}  // namespace whet
