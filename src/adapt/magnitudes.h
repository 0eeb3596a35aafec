// How large the elements are that enter a layer's matrices: what thresholds (TEAL, CATS) follow
// from.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <vector>

#include "adapt/calibration.h"
#include "base/result.h"
#include "formats/model_file.h"
#include "load/config_reader.h"
#include "model/forward.h"

namespace whet::adapt {

/// Counts of |x| by the upper 16 bits of its float: steps of less than one in 128.
class MagnitudeHistogram {
 public:
  void add(const float* x, int64_t n);
  /// The magnitude that the share of what was added is below, up to a step; 0 where nothing was.
  /// NaN counts as largest. `share` is in [0, 1).
  double quantile(double share) const;

 private:
  std::vector<uint64_t> counts_;  // empty until something is added
  uint64_t n_ = 0;
};

/// The places of SparsitySite, and behind them what the activation function makes of the gate.
inline constexpr size_t kMagnitudePlaces = kSparsitySites + 1;
inline constexpr size_t kGatePlace = kSparsitySites;
using LayerMagnitudes = std::array<MagnitudeHistogram, kMagnitudePlaces>;

/// One for each layer, of all rows of the windows. Precondition: has_sparsity_sites() of each.
/// Errors: cancelled, no memory for keys and values.
Result<std::vector<LayerMagnitudes>> collect_magnitudes(const Decoder& model,
                                                        const Windows& windows, ThreadPool& pool,
                                                        const CancelFlag* cancel);

/// The quantiles at shares of 0.05, 0.1, ... 0.95 as keys of GGUF.
void describe_magnitudes(const std::vector<LayerMagnitudes>& layers, Metadata& metadata);
void forget_magnitudes(Metadata& metadata);

/// Of each layer and place the magnitude that the share is below, between the file's quantiles; 0
/// for a share of 0. Errors (kInvalidModel): a file without them, or whose numbers do not fit the
/// model; kInvalidArgument for a share that is not in [0, 0.95].
Result<std::vector<std::array<float, kMagnitudePlaces>>> read_thresholds(const ModelFile& file,
                                                                         const ModelConfig& config,
                                                                         double share);

}  // namespace whet::adapt
