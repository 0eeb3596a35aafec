#include "decode/sampler.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "base/check.h"

namespace whet {
namespace {

Error bad(std::string_view name, std::string_view expected, double found) {
  return Error(ErrorCode::kInvalidArgument,
               fmt::format("{}: expected {}, found {}", name, expected, found));
}

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

Sampler::Sampler(const SamplingParams& params, int64_t vocab_size)
    : params_(params), rng_(params.seed, 0), counts_(static_cast<size_t>(vocab_size), 0) {}

int32_t Sampler::sample(std::span<const float> logits, std::span<const int32_t> history,
                        uint64_t step) {
  WHET_DCHECK(logits.size() == counts_.size());
  adjusted_.assign(logits.begin(), logits.end());
  for (auto [id, bias] : params_.logit_bias) {
    adjusted_[static_cast<size_t>(id)] += static_cast<float>(bias);
  }
  penalise(history);
  if (params_.temperature == 0) {
    return static_cast<int32_t>(std::max_element(adjusted_.begin(), adjusted_.end()) -
                                adjusted_.begin());
  }
  return draw(step);
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

int32_t Sampler::draw(uint64_t step) {
  candidates_.resize(adjusted_.size());
  for (size_t i = 0; i < adjusted_.size(); ++i) {
    candidates_[i] = {static_cast<int32_t>(i), adjusted_[i]};
  }
  auto likelier = [](const Candidate& a, const Candidate& b) {
    return a.logit != b.logit ? a.logit > b.logit : a.id < b.id;
  };
  size_t keep = params_.top_k > 0 ? std::min(candidates_.size(), static_cast<size_t>(params_.top_k))
                                  : candidates_.size();
  if (keep < candidates_.size()) {
    auto end = candidates_.begin() + static_cast<ptrdiff_t>(keep);
    std::nth_element(candidates_.begin(), end - 1, candidates_.end(), likelier);
    candidates_.resize(keep);
  }
  std::sort(candidates_.begin(), candidates_.end(), likelier);

  // Probabilities relative to the likeliest, which is never cut.
  weights_.resize(keep);
  double peak = candidates_[0].logit;
  double total = 0;
  for (size_t i = 0; i < keep; ++i) {
    weights_[i] = std::exp(candidates_[i].logit - peak);
    total += weights_[i];
  }
  if (params_.top_p < 1) {
    double mass = 0;
    size_t n = 0;
    while (n < keep && mass < params_.top_p * total) mass += weights_[n++];
    keep = std::max<size_t>(n, 1);
  }
  while (keep > 1 && weights_[keep - 1] < params_.min_p) --keep;

  total = 0;
  for (size_t i = 0; i < keep; ++i) {
    weights_[i] = std::exp((candidates_[i].logit - peak) / params_.temperature);
    total += weights_[i];
  }
  double target = rng_.uniform(step) * total;
  for (size_t i = 0; i + 1 < keep; ++i) {
    target -= weights_[i];
    if (target < 0) return candidates_[i].id;
  }
  return candidates_[keep - 1].id;
}

TokenLogprob token_logprob(std::span<const float> logits, int32_t chosen, int n_top) {
  double peak = *std::max_element(logits.begin(), logits.end());
  double sum = 0;
  for (float logit : logits) sum += std::exp(logit - peak);
  double log_total = peak + std::log(sum);

  TokenLogprob result{chosen, logits[static_cast<size_t>(chosen)] - log_total, {}};
  std::vector<int32_t> order(logits.size());
  std::iota(order.begin(), order.end(), 0);
  size_t n = std::min(static_cast<size_t>(std::max(n_top, 0)), order.size());
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

}  // namespace whet
