// Writes a copy of a model in a basis in which activations have few large elements: norm gains
// folded into the weights behind them, rotations absorbed. Every engine runs the copy as the model
// that it was; which channels may be skipped is said in keys that others ignore.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "adapt/magnitudes.h"
#include "adapt/rotations.h"
#include "base/result.h"
#include "load/loaded_model.h"
#include "model/sparsity.h"
#include "quantize/model_quantizer.h"

namespace whet::adapt {

struct RotatedModelRequest {
  TypeMixture mixture;
  SparsityPlan plan;
  bool allow_requantize = false;
};

/// With axes A (rows) of the residual stream and B of a KV head's values, y = x W^T, g the gain
/// before a matrix: embedding E <- E A^T; inputs (q, k, v, gate, up, head) W <- W diag(g) A^T;
/// outputs (o, down) W <- A W and bias <- A bias; values also W <- B W, bias <- B bias for each
/// head, and o's columns of the query heads that share it W <- W B^T. A tied head becomes a matrix
/// of its own. Memory: one matrix of a layer as floats, pieces of the others.
/// Errors: as write_quantized(); a decoder that check_rotatable() refuses.
Result<std::vector<QuantizedTensor>> write_rotated_model(
    const LoadedModel& model, const Rotations& rotations, const RotatedModelRequest& request,
    const std::string& path, ThreadPool& pool,
    const std::function<void(uint64_t done, uint64_t total)>& on_weights, const CancelFlag* cancel);

/// A copy of a model that says how large its activations are; weights stay bit by bit.
/// Errors: as write_quantized().
Status write_with_magnitudes(const LoadedModel& model, const std::vector<LayerMagnitudes>& layers,
                             const std::string& path, ThreadPool& pool, const CancelFlag* cancel);

/// A copy of a rotated model with another plan; weights stay bit by bit. `path` may be the model's.
/// Errors: as write_quantized().
Status write_with_plan(const LoadedModel& rotated, const SparsityPlan& plan,
                       const std::string& path, ThreadPool& pool, const CancelFlag* cancel);

}  // namespace whet::adapt
