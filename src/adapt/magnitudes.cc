#include "adapt/magnitudes.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>
#include <string>
#include <unordered_map>
#include <utility>

#include "ops/activation.h"

namespace whet::adapt {
namespace {

constexpr size_t kSteps = size_t{1} << 15;
constexpr double kShareStep = 0.05;
constexpr size_t kQuantiles = 19;  // up to 0.95

/// The smallest float of a step.
double lower_edge(size_t step) {
  return std::bit_cast<float>(static_cast<uint32_t>(step) << 16);
}

std::string magnitude_key(size_t place) {
  return fmt::format(
      "whet.magnitudes.{}",
      place == kGatePlace ? "gate" : sparsity_site_name(static_cast<SparsitySite>(place)));
}

/// Counts what enters a layer's matrices, and makes the gate's activations once more, since no
/// product sees them alone.
class MagnitudeObserver : public ProjectionObserver {
 public:
  MagnitudeObserver(const Decoder& model, ThreadPool& pool, std::vector<LayerMagnitudes>& layers)
      : model_(model), pool_(pool), layers_(layers) {
    for (size_t i = 0; i < model.weights.layers.size(); ++i) {
      const LayerWeights& w = model.weights.layers[i];
      const bool gated = model.config.layers[i].ffn.gated;
      const Matrix& into_ffn = gated ? w.gate.matrix : w.up.matrix;
      places_[w.q.matrix.data] = {i, SparsitySite::kAttentionInput};
      places_[w.attention_output.matrix.data] = {i, SparsitySite::kAttentionOutput};
      places_[into_ffn.data] = {i, SparsitySite::kFfnInput};
      places_[w.down.matrix.data] = {i, SparsitySite::kFfnOutput};
    }
  }

  void observe(const Matrix& weights, const float* x, int64_t n_tokens) override {
    const auto found = places_.find(weights.data);
    if (found == places_.end()) return;
    const auto [layer, site] = found->second;
    layers_[layer][static_cast<size_t>(site)].add(x, n_tokens * weights.columns);
    if (site == SparsitySite::kFfnInput) add_gate(layer, x, n_tokens);
  }

 private:
  void add_gate(size_t layer, const float* x, int64_t n_tokens) {
    const FfnForm& form = model_.config.layers[layer].ffn;
    if (!form.gated) return;
    const LinearWeights& w = model_.weights.layers[layer].gate;
    float* gate = gate_.reserve(static_cast<size_t>(n_tokens * form.dim));
    const Projection product{&w.matrix, gate};
    project(x, n_tokens, {&product, 1}, projection_, pool_);
    for (int64_t t = 0; t < n_tokens; ++t) {
      float* row = gate + t * form.dim;
      kernels::kernels().add(row, w.bias.data(), w.bias.size(), row);
      activate(form.activation, row, form.dim, row);
    }
    layers_[layer][kGatePlace].add(gate, n_tokens * form.dim);
  }

  const Decoder& model_;
  ThreadPool& pool_;
  std::vector<LayerMagnitudes>& layers_;
  std::unordered_map<const std::byte*, std::pair<size_t, SparsitySite>> places_;
  ProjectionScratch projection_;
  AlignedBuffer<float> gate_;
};

}  // namespace

void MagnitudeHistogram::add(const float* x, int64_t n) {
  counts_.resize(kSteps);
  for (int64_t i = 0; i < n; ++i) ++counts_[(std::bit_cast<uint32_t>(x[i]) & 0x7fffffffu) >> 16];
  n_ += static_cast<uint64_t>(n);
}

double MagnitudeHistogram::quantile(double share) const {
  const double wanted = share * static_cast<double>(n_);
  double below = 0;
  for (size_t step = 0; step < counts_.size(); ++step) {
    const auto here = static_cast<double>(counts_[step]);
    if (here > 0 && below + here > wanted) {
      const double low = lower_edge(step), high = lower_edge(step + 1);
      if (!std::isfinite(high)) return std::isfinite(low) ? low : std::numeric_limits<float>::max();
      return low + (high - low) * (wanted - below) / here;
    }
    below += here;
  }
  return 0;
}

Result<std::vector<LayerMagnitudes>> collect_magnitudes(const Decoder& model,
                                                        const Windows& windows, ThreadPool& pool,
                                                        const CancelFlag* cancel) {
  std::vector<LayerMagnitudes> layers(model.weights.layers.size());
  ForwardScratch scratch(model.config);
  MagnitudeObserver observer(model, pool, layers);
  scratch.observe(&observer);
  for (const std::vector<int32_t>& window : windows) {
    if (cancel != nullptr && cancel->cancelled()) return Error(ErrorCode::kCancelled, "cancelled");
    WHET_TRY(KvSequence kv,
             KvSequence::create(kv_shape_of(model.config, static_cast<int64_t>(window.size()))));
    const StepSegment segment{&kv, window, StepSegment::Logits::kNone};
    forward(model, {&segment, 1}, scratch, pool);
  }
  return layers;
}

void describe_magnitudes(const std::vector<LayerMagnitudes>& layers, Metadata& metadata) {
  for (size_t place = 0; place < kMagnitudePlaces; ++place) {
    std::vector<double> quantiles;
    for (const LayerMagnitudes& layer : layers) {
      for (size_t i = 1; i <= kQuantiles; ++i) {
        quantiles.push_back(layer[place].quantile(kShareStep * static_cast<double>(i)));
      }
    }
    metadata.insert_or_assign(magnitude_key(place),
                              MetaValue{MetaArray{std::move(quantiles)}, MetaType::kFloat32});
  }
}

void forget_magnitudes(Metadata& metadata) {
  for (size_t place = 0; place < kMagnitudePlaces; ++place) metadata.erase(magnitude_key(place));
}

Result<std::vector<std::array<float, kMagnitudePlaces>>> read_thresholds(const ModelFile& file,
                                                                         const ModelConfig& config,
                                                                         double share) {
  if (!(share >= 0 && share <= kShareStep * static_cast<double>(kQuantiles))) {
    return Error(ErrorCode::kInvalidArgument,
                 fmt::format("sparsity: expected a share from 0 to 0.95, found {}", share));
  }
  const size_t n_layers = config.layers.size();
  std::vector<std::array<float, kMagnitudePlaces>> thresholds(n_layers);
  for (size_t place = 0; place < kMagnitudePlaces; ++place) {
    const std::string key = magnitude_key(place);
    if (!file.has(key)) {
      return Error(
          ErrorCode::kInvalidModel,
          fmt::format("{}: expected a file that says how large activations are (whet adapt "
                      "magnitudes writes one), found none of it",
                      key));
    }
    WHET_TRY(const std::vector<double> all, file.get_floats(key));
    if (all.size() != n_layers * kQuantiles) {
      return Error(ErrorCode::kInvalidModel,
                   fmt::format("{}: expected {} quantiles for each of {} layers, found {}", key,
                               kQuantiles, n_layers, all.size()));
    }
    for (size_t i = 0; i < n_layers; ++i) {
      double last = 0;
      for (size_t q = i * kQuantiles; q < (i + 1) * kQuantiles; ++q) {
        if (!std::isfinite(all[q]) || all[q] < last) {
          return Error(ErrorCode::kInvalidModel,
                       fmt::format("{}: layer {}: expected magnitudes that do not fall, found {} "
                                   "behind {}",
                                   key, i, all[q], last));
        }
        last = all[q];
      }
      const double at = share / kShareStep;
      const auto whole = std::min(static_cast<size_t>(at), kQuantiles);
      const auto quantile = [&](size_t q) { return q == 0 ? 0.0 : all[i * kQuantiles + q - 1]; };
      const double low = quantile(whole), high = quantile(std::min(whole + 1, kQuantiles));
      thresholds[i][place] =
          static_cast<float>(low + (high - low) * (at - static_cast<double>(whole)));
    }
  }
  return thresholds;
}

}  // namespace whet::adapt
