#include "stats/significance.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <optional>
#include <vector>

#include "base/check.h"
#include "base/rng.h"
#include "stats/distribution.h"

namespace whet::stats {
namespace {

/// The differences as integers over the smallest common denominator <= 60, if there is one.
std::optional<std::vector<int64_t>> on_a_grid(std::span<const double> differences) {
  for (int denominator = 1; denominator <= 60; ++denominator) {
    std::vector<int64_t> scaled;
    for (double d : differences) {
      const double x = d * denominator;
      if (std::abs(x) > 1e6 || std::abs(x - std::round(x)) > 1e-9 * denominator) break;
      scaled.push_back(std::llround(x));
    }
    if (scaled.size() == differences.size()) return scaled;
  }
  return std::nullopt;
}

/// P(|sum of randomly signed magnitudes| >= |observed|), from the distribution of the sum.
double exact_flip_p(std::span<const int64_t> values) {
  int64_t reach = 0;
  int64_t observed = 0;
  for (int64_t v : values) {
    reach += std::abs(v);
    observed += v;
  }
  std::vector<double> probability(static_cast<size_t>(2 * reach + 1));
  std::vector<double> next(probability.size());
  probability[static_cast<size_t>(reach)] = 1;
  int64_t extent = 0;  // sums so far lie within +-extent
  for (int64_t v : values) {
    const int64_t size = std::abs(v);
    if (size == 0) continue;
    std::fill(next.begin(), next.end(), 0.0);
    for (int64_t sum = -extent; sum <= extent; ++sum) {
      const double half = 0.5 * probability[static_cast<size_t>(reach + sum)];
      next[static_cast<size_t>(reach + sum - size)] += half;
      next[static_cast<size_t>(reach + sum + size)] += half;
    }
    probability.swap(next);
    extent += size;
  }
  double p = 0;
  for (int64_t sum = -reach; sum <= reach; ++sum)
    if (std::abs(sum) >= std::abs(observed)) p += probability[static_cast<size_t>(reach + sum)];
  return std::min(p, 1.0);
}

double sampled_flip_p(std::span<const double> differences, int n_resamples, uint64_t seed) {
  double observed = 0;
  double scale = 0;
  for (double d : differences) {
    observed += d;
    scale += std::abs(d);
  }
  const double threshold = std::abs(observed) - 1e-12 * scale;  // rounding must not lose ties
  int64_t hits = 0;
  for (int r = 0; r < n_resamples; ++r) {
    const CounterRng rng(seed, static_cast<uint64_t>(r));
    double sum = 0;
    for (size_t i = 0; i < differences.size(); ++i)
      sum += (rng.bits(i / 64) >> (i % 64)) & 1 ? differences[i] : -differences[i];
    if (std::abs(sum) >= threshold) ++hits;
  }
  return static_cast<double>(hits + 1) / static_cast<double>(n_resamples + 1);
}

}  // namespace

double sign_test(int64_t n_plus, int64_t n_minus) {
  WHET_CHECK(n_plus >= 0 && n_minus >= 0);
  return std::min(1.0, 2 * binomial_half_cdf(std::min(n_plus, n_minus), n_plus + n_minus));
}

FlipTest sign_flip_test(std::span<const double> differences, int n_resamples, uint64_t seed) {
  constexpr int64_t kMaxExactWork = 100'000'000;  // additions: about 0.1 s
  if (const auto grid = on_a_grid(differences)) {
    int64_t reach = 0;
    for (int64_t v : *grid) reach += std::abs(v);
    if (reach == 0) return {1, true};
    if (reach <= kMaxExactWork / static_cast<int64_t>(grid->size()))
      return {exact_flip_p(*grid), true};
  }
  return {sampled_flip_p(differences, n_resamples, seed), false};
}

FlipTest sign_flip_test_by_group(std::span<const GroupSum> groups, int n_resamples, uint64_t seed) {
  std::vector<double> sums;
  for (const GroupSum& group : groups) sums.push_back(group.sum);
  return sign_flip_test(sums, n_resamples, seed);
}

}  // namespace whet::stats
