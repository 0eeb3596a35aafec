#include "adapt/sparsity_budget.h"

#include <fmt/format.h>

#include <cmath>

namespace whet::adapt {
namespace {

constexpr bool is_normed(size_t site) {
  return site == static_cast<size_t>(Site::kAttentionInput) ||
         site == static_cast<size_t>(Site::kFfnInput);
}

Result<SparsityBudget> budget(const ModelConfig& config, double of_normed, double of_others) {
  for (const double s : {of_normed, of_others}) {
    if (s >= 0 && s < 1) continue;
    return Error(
        ErrorCode::kInvalidArgument,
        fmt::format("sparsity: expected shares of channels in [0, 1), found {:.3f} of what norms "
                    "give and {:.3f} of the others",
                    of_normed, of_others));
  }
  SparsityBudget made;
  int64_t skipped = 0, all = 0;
  for (const LayerForm& layer : config.layers) {
    const auto shapes = site_shapes(layer, config.d_model);
    std::array<int64_t, kSites>& kept = made.kept.emplace_back();
    for (size_t i = 0; i < kSites; ++i) {
      kept[i] = channels_kept(shapes[i].channels, is_normed(i) ? of_normed : of_others);
      skipped += (shapes[i].channels - kept[i]) * shapes[i].weights_per_channel;
      all += shapes[i].channels * shapes[i].weights_per_channel;
    }
  }
  made.share = static_cast<double>(skipped) / static_cast<double>(all);
  return made;
}

}  // namespace

std::array<SiteShape, kSites> site_shapes(const LayerForm& layer, int64_t d_model) {
  const AttentionBlockForm& a = layer.attention;
  const int64_t q = a.n_heads * a.head_dim, kv = a.n_kv_heads * a.head_dim;
  return {{{d_model, q + 2 * kv},
           {q, d_model},
           {d_model, 2 * layer.ffn.dim},
           {layer.ffn.dim, d_model}}};
}

int64_t channels_kept(int64_t channels, double sparsity) {
  return channels - static_cast<int64_t>(std::floor(sparsity * static_cast<double>(channels)));
}

Result<SparsityBudget> published_budget(const ModelConfig& config, double p) {
  return budget(config, 0.8 * p, 1.2 * p);
}

Result<SparsityBudget> balanced_budget(const ModelConfig& config, double p, double balance) {
  int64_t normed = 0, others = 0;
  for (const LayerForm& layer : config.layers) {
    const auto shapes = site_shapes(layer, config.d_model);
    for (size_t i = 0; i < kSites; ++i) {
      (is_normed(i) ? normed : others) += shapes[i].channels * shapes[i].weights_per_channel;
    }
  }
  const auto of_all = static_cast<double>(normed + others);
  const double of_others =
      (p * of_all - balance * p * static_cast<double>(normed)) / static_cast<double>(others);
  return budget(config, balance * p, of_others);
}

}  // namespace whet::adapt
