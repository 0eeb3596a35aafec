// Activation sparsity: at four places of a layer a sparse row keeps its largest elements alone, so
// that the weights which the others would meet need not be read.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "model/model_config.h"

namespace whet {

/// The inputs of a layer's matrices: of q, k and v, of the attention's output, of gate and up, of
/// down.
enum class SparsitySite { kAttentionInput, kAttentionOutput, kFfnInput, kFfnOutput };
inline constexpr size_t kSparsitySites = 4;
constexpr std::string_view sparsity_site_name(SparsitySite site) {
  constexpr std::string_view kNames[kSparsitySites] = {"attention_input", "attention_output",
                                                       "ffn_input", "ffn_output"};
  return kNames[static_cast<size_t>(site)];
}

struct SparsityPlan {
  std::string method;  // how it was made, e.g. "larosa"
  /// Channels that each layer's inputs keep, by SparsitySite.
  std::vector<std::array<int64_t, kSparsitySites>> kept;
  /// Of each layer and site what multiplies a magnitude for the choice alone, as many as channels;
  /// empty where magnitudes decide by themselves. Finite, not negative.
  std::vector<std::array<std::vector<float>, kSparsitySites>> scores = {};
  /// Of each layer and site the magnitude below which an element is left out, whatever their
  /// number; `kept` is then how many that was on a calibration text. Empty: `kept` decides.
  std::vector<std::array<float, kSparsitySites>> thresholds = {};
  /// Thresholds of kFfnOutput are of what the activation function makes of the gate (CATS).
  bool by_gate = false;
  /// Consecutive channels that are kept and left out together, by the sum of their squares;
  /// divides `kept` and the channels. More than one: without scores and thresholds.
  int64_t block = 1;
  /// Weights skipped, of those of all layers.
  double share = 0;
};

/// Weights that sparse rows met in all layers, and those of them that they skipped.
struct SparsityCount {
  uint64_t met = 0, skipped = 0;
};

/// Which rows of a step are sparse, where a model has a plan.
enum class SparseRows {
  kNone,
  kDecoded,  // what was sampled, not the prompt
  kAll,
};

/// Channels of a layer's input, and weights that each of them meets.
struct SparsityShape {
  int64_t channels = 0;
  int64_t weights_per_channel = 0;
};
std::array<SparsityShape, kSparsitySites> sparsity_shapes(const LayerForm& layer, int64_t d_model);

/// True where a layer has these four inputs: a norm before attention over heads, then one before an
/// FFN.
bool has_sparsity_sites(const LayerForm& layer);

/// Zeroes the elements of x [n] where `of` [n], which may be x, is smaller than `threshold` by
/// magnitude. NaN is not.
void leave_out_below(float threshold, const float* of, int64_t n, float* x);

/// Zeroes all of x [n] but the `kept` elements that are largest by magnitude, times score [n]
/// (nullptr: all one); of equal ones the first stay. NaN counts as largest. `scratch` is
/// overwritten.
void keep_largest(float* x, const float* score, int64_t n, int64_t kept,
                  std::vector<uint32_t>& scratch);

/// The same for whole blocks of x [n], of which the `kept` (of channels) stay whose sums of squares
/// are largest. `block` divides n and kept.
void keep_largest_blocks(float* x, int64_t n, int64_t kept, int64_t block,
                         std::vector<uint32_t>& scratch);

}  // namespace whet
