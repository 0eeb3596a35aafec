#include "adapt/budget_search.h"

#include <algorithm>
#include <cmath>
#include <iterator>
#include <memory>
#include <utility>

#include "adapt/reference_text.h"
#include "adapt/sparsity_budget.h"

namespace whet::adapt {
namespace {

constexpr double kProbe = 0.5;  // share of an input's channels that is left out to see the cost
constexpr double kMostSkipped = 0.8;
constexpr double kMixtures[] = {0.25, 0.5, 0.75, 1};
// Costs are at least so much of their mean: what a short text does not show is not free.
constexpr double kLeastCost = 1e-2;

/// One input of one layer.
struct Unit {
  size_t layer, site;
  int64_t channels;
  double weights;  // behind it
  double share;    // of its channels that the first plan leaves out
  double cost = 0;
};

std::vector<Unit> units_of(const ModelConfig& config, const SparsityPlan& first) {
  std::vector<Unit> units;
  for (size_t i = 0; i < config.layers.size(); ++i) {
    const auto shapes = sparsity_shapes(config.layers[i], config.d_model);
    for (size_t site = 0; site < kSparsitySites; ++site) {
      const SparsityShape& shape = shapes[site];
      units.push_back(
          {i, site, shape.channels, static_cast<double>(shape.channels * shape.weights_per_channel),
           1 - static_cast<double>(first.kept[i][site]) / static_cast<double>(shape.channels)});
    }
  }
  return units;
}

/// `first` with other shares; a plan's share is of all weights.
SparsityPlan with_shares(const SparsityPlan& first, const std::vector<Unit>& units,
                         const std::vector<double>& shares) {
  SparsityPlan plan = first;
  double skipped = 0, all = 0;
  for (size_t i = 0; i < units.size(); ++i) {
    const Unit& u = units[i];
    const int64_t kept =
        plan.block * channels_kept(u.channels / plan.block, std::max(shares[i], 0.0));
    plan.kept[u.layer][u.site] = kept;
    skipped += u.weights * static_cast<double>(u.channels - kept) / static_cast<double>(u.channels);
    all += u.weights;
  }
  plan.share = skipped / all;
  return plan;
}

/// Shares x of least sum of cost * (x / kProbe)^3 with the sum of weights * x that the units' own
/// shares have: 3 cost x^2 / kProbe^3 = price * weights, and the price by bisection.
std::vector<double> cheapest_shares(const std::vector<Unit>& units) {
  double wanted = 0, mean = 0;
  for (const Unit& u : units) {
    wanted += u.weights * u.share;
    mean += u.cost / static_cast<double>(units.size());
  }
  std::vector<double> shares(units.size());
  const auto weights_at = [&](double price) {
    double sum = 0;
    for (size_t i = 0; i < units.size(); ++i) {
      const double cost = std::max(units[i].cost, kLeastCost * mean);
      shares[i] = std::min(std::sqrt(price * units[i].weights / cost), kMostSkipped);
      sum += units[i].weights * shares[i];
    }
    return sum;
  };
  double low = 0, high = 1e-12;
  double most = 0;
  for (const Unit& u : units) most += kMostSkipped * u.weights;
  if (mean <= 0 || wanted >= most) {  // nothing to tell them apart by, or no choice
    for (size_t i = 0; i < units.size(); ++i) shares[i] = units[i].share;
    return shares;
  }
  while (weights_at(high) < wanted) high *= 2;
  for (int i = 0; i < 100; ++i) {
    const double middle = 0.5 * (low + high);
    (weights_at(middle) < wanted ? low : high) = middle;
  }
  weights_at(high);
  return shares;
}

}  // namespace

Result<SearchedBudget> search_budget(Decoder& model, const SparsityPlan& first,
                                     const Windows& windows, ThreadPool& pool,
                                     const CancelFlag* cancel, const OnSearch& on_search) {
  std::vector<Unit> units = units_of(model.config, first);
  const size_t n_passes = units.size() + std::size(kMixtures) + 2;
  size_t n_done = 0;
  model.sparsity = nullptr;
  WHET_TRY(const ReferenceText dense, ReferenceText::of(model, windows, pool, cancel));
  on_search(++n_done, n_passes);
  const auto divergence_of = [&](const SparsityPlan& plan) -> Result<double> {
    model.sparsity = std::make_shared<const SparsityPlan>(plan);
    auto found = dense.divergence(model, pool, cancel);
    model.sparsity = nullptr;
    on_search(++n_done, n_passes);
    return found;
  };
  std::vector<double> shares(units.size(), 0);
  for (size_t i = 0; i < units.size(); ++i) {
    shares[i] = kProbe;
    WHET_TRY(units[i].cost, divergence_of(with_shares(first, units, shares)));
    shares[i] = 0;
  }
  const std::vector<double> cheapest = cheapest_shares(units);
  WHET_TRY(const double first_divergence, divergence_of(first));
  SearchedBudget best{first, first_divergence, first_divergence};
  for (const double mixture : kMixtures) {
    for (size_t i = 0; i < units.size(); ++i) {
      shares[i] = (1 - mixture) * units[i].share + mixture * cheapest[i];
    }
    SparsityPlan plan = with_shares(first, units, shares);
    WHET_TRY(const double divergence, divergence_of(plan));
    if (divergence >= best.divergence) continue;
    best.divergence = divergence;
    best.plan = std::move(plan);
  }
  return best;
}

}  // namespace whet::adapt
