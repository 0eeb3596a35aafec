// How well a model whose rows are sparse predicts a text, beside the same model dense.
#pragma once

#include <cstdint>
#include <vector>

#include "base/result.h"
#include "cli/text_score.h"
#include "engine/engine.h"

namespace whet {

struct SparseTextScore {
  TextScore sparse, dense;  // of the same tokens
  /// Nats per token that sparsity costs, and the standard error of this mean of pairs.
  double difference = 0, difference_error = 0;
};

/// The text in windows as score_text() cuts it, every row sparse as the engine's model has it.
/// Precondition: engine.sparse_rows() is not kNone, and no request runs. Errors: as score_text().
Result<TextScore> score_sparse_text(Engine& engine, const std::vector<int32_t>& text);

/// Each window twice: dense, and its first `sparse_from` rows dense and the others sparse. Only
/// what these others predict is scored, in both. Errors: as score_text(); windows that have no such
/// rows.
Result<SparseTextScore> compare_sparse_text(Engine& engine, const std::vector<int32_t>& text,
                                            int64_t sparse_from);

}  // namespace whet
