#include "stats/divergence.h"

#include <algorithm>
#include <cmath>

#include "base/check.h"
#include "stats/sample.h"

namespace whet::stats {
namespace {

template <typename F>
std::vector<double> column(std::span<const TokenDivergence> tokens, F&& value) {
  std::vector<double> values;
  values.reserve(tokens.size());
  for (const TokenDivergence& token : tokens) values.push_back(value(token));
  return values;
}

MeanWithError mean_with_error(std::span<const double> values) {
  MeanWithError result{*mean(values), std::nullopt};
  if (const auto spread = variance(values)) {
    result.error = std::sqrt(*spread / static_cast<double>(values.size()));
  }
  return result;
}

}  // namespace

TokenDivergence divergence_at(std::span<const float> base, std::span<const float> logits,
                              size_t token, float cut_at) {
  WHET_CHECK(base.size() == logits.size() && token < base.size());
  const auto top = std::max_element(logits.begin(), logits.end());
  const auto base_top = std::max_element(base.begin(), base.end());
  double total = 0;
  for (const float logit : logits) total += std::exp(double{logit} - *top);
  const double log_total = *top + std::log(total);
  double kl = 0;
  for (size_t i = 0; i < base.size(); ++i) {
    if (base[i] <= cut_at) continue;
    const double log_base = base[i];
    kl += std::exp(log_base) * (log_base - (logits[i] - log_total));
  }
  const double log_p = logits[token] - log_total, log_p_base = base[token];
  return {.kl = kl,
          .nats = -log_p,
          .base_nats = -log_p_base,
          .same_top = top - logits.begin() == base_top - base.begin(),
          .probability_gain = std::exp(log_p) - std::exp(log_p_base)};
}

DivergenceSummary summarise(std::span<const TokenDivergence> tokens) {
  WHET_CHECK(!tokens.empty());
  const auto of = [&](auto&& value) { return column(tokens, value); };
  std::vector<double> kl = of([](const auto& t) { return t.kl; });
  const std::vector<double> gains = of([](const auto& t) { return t.probability_gain; });
  DivergenceSummary s;
  s.n = static_cast<int64_t>(tokens.size());
  s.nats = mean_with_error(of([](const auto& t) { return t.nats; }));
  s.base_nats = mean_with_error(of([](const auto& t) { return t.base_nats; }));
  s.log_ratio = mean_with_error(of([](const auto& t) { return t.nats - t.base_nats; }));
  s.kl = mean_with_error(kl);
  s.same_top = mean_with_error(of([](const auto& t) { return t.same_top ? 1.0 : 0.0; }));
  s.probability_gain = mean_with_error(gains);
  double squares = 0;
  for (const double gain : gains) squares += gain * gain;
  s.probability_change = std::sqrt(squares / static_cast<double>(gains.size()));
  std::sort(kl.begin(), kl.end());
  s.kl_median = quantile_of_sorted(kl, 0.5);
  s.kl_99 = quantile_of_sorted(kl, 0.99);
  s.kl_999 = quantile_of_sorted(kl, 0.999);
  s.kl_max = kl.back();
  return s;
}

}  // namespace whet::stats
