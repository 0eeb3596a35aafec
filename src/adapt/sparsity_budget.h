// How many channels of each input a sparse pass keeps, so that a given share of weights is skipped.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "model/model_config.h"

namespace whet::adapt {

/// The four inputs of a layer whose channels can be skipped, in the order in which they come.
enum class Site { kAttentionInput, kAttentionOutput, kFfnInput, kFfnOutput };
inline constexpr size_t kSites = 4;
constexpr std::string_view site_name(Site site) {
  constexpr std::string_view kNames[kSites] = {"attention_input", "attention_output", "ffn_input",
                                               "ffn_output"};
  return kNames[static_cast<size_t>(site)];
}

/// Of one site of a layer.
struct SiteShape {
  int64_t channels = 0;
  int64_t weights_per_channel = 0;  // that are read for it
};
std::array<SiteShape, kSites> site_shapes(const LayerForm& layer, int64_t d_model);

struct SparsityBudget {
  std::vector<std::array<int64_t, kSites>> kept;  // channels, of each layer
  /// Weights skipped, of those of all layers.
  double share = 0;
};

/// Channels kept of `channels` where the share `sparsity` is skipped: D - floor(s * D).
int64_t channels_kept(int64_t channels, double sparsity);

/// The rule of LaRoSA's code: 0.8 p of what norms give, 1.2 p of the other two, whatever that comes
/// to by weight. Errors: kInvalidArgument unless 0 <= p and 1.2 p < 1.
Result<SparsityBudget> published_budget(const ModelConfig& config, double p);
/// `balance` times p of what norms give, and as much of the other two as makes the share of all
/// weights p. Errors: kInvalidArgument where that is less than none or all of the other two.
Result<SparsityBudget> balanced_budget(const ModelConfig& config, double p, double balance);

}  // namespace whet::adapt
