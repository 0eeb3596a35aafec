#include "adapt/sparsity_budget.h"

#include <fmt/format.h>

#include <cmath>

namespace whet::adapt {
namespace {

constexpr bool is_normed(size_t site) {
  return site == static_cast<size_t>(SparsitySite::kAttentionInput) ||
         site == static_cast<size_t>(SparsitySite::kFfnInput);
}

/// `shares`: of the channels of each site, in blocks of so many.
Result<SparsityPlan> budget(const ModelConfig& config, const char* method,
                            const std::array<double, kSparsitySites>& shares, int64_t block = 1) {
  for (const double s : shares) {
    if (s >= 0 && s < 1) continue;
    return Error(
        ErrorCode::kInvalidArgument,
        fmt::format("sparsity: expected shares of channels in [0, 1), found {:.3f} of what norms "
                    "give, {:.3f} of the attention's output and {:.3f} of the FFN's",
                    shares[0], shares[1], shares[3]));
  }
  SparsityPlan made{.method = method, .kept = {}, .block = block};
  int64_t skipped = 0, all = 0;
  for (const LayerForm& layer : config.layers) {
    if (!has_sparsity_sites(layer)) {
      return Error(ErrorCode::kInvalidModel,
                   fmt::format("sparsity: expected a model of attention over heads and FFN, each "
                               "behind a norm of its own, found another ({})",
                               config.architecture));
    }
    const auto shapes = sparsity_shapes(layer, config.d_model);
    std::array<int64_t, kSparsitySites>& kept = made.kept.emplace_back();
    for (size_t i = 0; i < kSparsitySites; ++i) {
      if (shapes[i].channels % block != 0) {
        return Error(ErrorCode::kInvalidModel,
                     fmt::format("sparsity {}: expected a multiple of {} channels as the {}, found "
                                 "{}",
                                 method, block, sparsity_site_name(static_cast<SparsitySite>(i)),
                                 shapes[i].channels));
      }
      kept[i] = block * channels_kept(shapes[i].channels / block, shares[i]);
      skipped += (shapes[i].channels - kept[i]) * shapes[i].weights_per_channel;
      all += shapes[i].channels * shapes[i].weights_per_channel;
    }
  }
  made.share = static_cast<double>(skipped) / static_cast<double>(all);
  return made;
}

}  // namespace

int64_t channels_kept(int64_t channels, double sparsity) {
  return channels - static_cast<int64_t>(std::floor(sparsity * static_cast<double>(channels)));
}

Result<SparsityPlan> published_budget(const ModelConfig& config, double p) {
  return budget(config, "larosa", {0.8 * p, 1.2 * p, 0.8 * p, 1.2 * p});
}

Result<SparsityPlan> block_budget(const ModelConfig& config, double p) {
  return budget(config, "block", {0.8 * p, 1.2 * p, 0.8 * p, 1.2 * p}, 32);
}

Result<SparsityPlan> balanced_budget(const ModelConfig& config, double p, double balance) {
  int64_t normed = 0, others = 0;
  for (const LayerForm& layer : config.layers) {
    const auto shapes = sparsity_shapes(layer, config.d_model);
    for (size_t i = 0; i < kSparsitySites; ++i) {
      (is_normed(i) ? normed : others) += shapes[i].channels * shapes[i].weights_per_channel;
    }
  }
  const auto of_all = static_cast<double>(normed + others);
  const double of_others =
      (p * of_all - balance * p * static_cast<double>(normed)) / static_cast<double>(others);
  return budget(config, "larosa", {balance * p, of_others, balance * p, of_others});
}

Result<SparsityPlan> down_budget(const ModelConfig& config, double p) {
  return budget(config, "down", {0, 0, 0, p});
}

Result<SparsityPlan> uniform_budget(const ModelConfig& config, double p) {
  return budget(config, "uniform", {p, p, p, p});
}

}  // namespace whet::adapt
