#include "load/sparsity_reader.h"

#include <fmt/format.h>

#include <cmath>

namespace whet {
namespace {

constexpr std::string_view kMethod = "whet.sparsity.method";
constexpr std::string_view kShare = "whet.sparsity.share";

std::string key_of(size_t site) {
  return fmt::format("whet.sparsity.{}", sparsity_site_name(static_cast<SparsitySite>(site)));
}

std::string score_key_of(size_t site) {
  return fmt::format("whet.sparsity.score.{}", sparsity_site_name(static_cast<SparsitySite>(site)));
}

/// One number for each channel of each layer, layers one behind the other.
Status read_scores(const ModelFile& file, const ModelConfig& config, size_t site,
                   SparsityPlan& plan) {
  WHET_TRY(const std::vector<double> all, file.get_floats(score_key_of(site)));
  plan.scores.resize(config.layers.size());
  size_t first = 0;
  for (size_t i = 0; i < config.layers.size(); ++i) {
    const auto n =
        static_cast<size_t>(sparsity_shapes(config.layers[i], config.d_model)[site].channels);
    if (first + n > all.size()) break;
    for (size_t c = first; c < first + n; ++c) {
      const auto score = static_cast<float>(all[c]);
      if (!std::isfinite(score) || score < 0) {
        return Error(ErrorCode::kInvalidModel,
                     fmt::format("{}: layer {}: expected finite scores of at least 0, found {}",
                                 score_key_of(site), i, all[c]));
      }
      plan.scores[i][site].push_back(score);
    }
    first += n;
    if (i + 1 == config.layers.size() && first == all.size()) return ok_status();
  }
  return Error(ErrorCode::kInvalidModel,
               fmt::format("{}: expected a score for each channel of {} layers, found {}",
                           score_key_of(site), config.layers.size(), all.size()));
}

}  // namespace

Result<std::shared_ptr<const SparsityPlan>> read_sparsity_plan(const ModelFile& file,
                                                               const ModelConfig& config) {
  if (!file.has(kMethod)) return std::shared_ptr<const SparsityPlan>();
  SparsityPlan plan;
  WHET_TRY(plan.method, file.get_string(kMethod));
  WHET_TRY(plan.share, file.get_float(kShare));
  plan.kept.resize(config.layers.size());
  for (size_t site = 0; site < kSparsitySites; ++site) {
    WHET_TRY(const std::vector<int64_t> kept, file.get_ints(key_of(site)));
    if (kept.size() != config.layers.size()) {
      return Error(ErrorCode::kInvalidModel,
                   fmt::format("{}: expected a number for each of {} layers, found {}",
                               key_of(site), config.layers.size(), kept.size()));
    }
    for (size_t i = 0; i < kept.size(); ++i) {
      const LayerForm& layer = config.layers[i];
      if (!has_sparsity_sites(layer)) {
        return Error(ErrorCode::kInvalidModel,
                     fmt::format("{}: expected a model of attention and FFN, each behind a norm, "
                                 "found another in layer {}",
                                 kMethod, i));
      }
      const int64_t channels = sparsity_shapes(layer, config.d_model)[site].channels;
      if (kept[i] < 0 || kept[i] > channels) {
        return Error(ErrorCode::kInvalidModel,
                     fmt::format("{}: layer {}: expected 0 to {} channels, found {}", key_of(site),
                                 i, channels, kept[i]));
      }
      plan.kept[i][site] = kept[i];
    }
    if (file.has(score_key_of(site))) WHET_TRY_STATUS(read_scores(file, config, site, plan));
  }
  return std::make_shared<const SparsityPlan>(std::move(plan));
}

void describe_sparsity(const SparsityPlan& plan, Metadata& metadata) {
  metadata.insert_or_assign(std::string(kMethod), MetaValue{plan.method});
  metadata.insert_or_assign(std::string(kShare), MetaValue{plan.share, MetaType::kFloat32});
  for (size_t site = 0; site < kSparsitySites; ++site) {
    std::vector<uint64_t> kept;
    for (const auto& layer : plan.kept) kept.push_back(static_cast<uint64_t>(layer[site]));
    metadata.insert_or_assign(key_of(site),
                              MetaValue{MetaArray{std::move(kept)}, MetaType::kUint32});
    std::vector<double> scores;
    for (const auto& layer : plan.scores) {
      scores.insert(scores.end(), layer[site].begin(), layer[site].end());
    }
    metadata.erase(score_key_of(site));
    if (scores.empty()) continue;
    metadata.insert_or_assign(score_key_of(site),
                              MetaValue{MetaArray{std::move(scores)}, MetaType::kFloat32});
  }
}

}  // namespace whet
