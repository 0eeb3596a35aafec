// Makes an importance matrix: runs a text through a model and adds up what enters its matrices.
#pragma once

#include <cstdint>
#include <functional>
#include <span>

#include "base/result.h"
#include "generator/generator.h"
#include "load/loaded_model.h"
#include "par/thread_pool.h"
#include "quantize/importance_matrix.h"

namespace whet {

struct ImportanceOptions {
  int64_t chunk_size = 512;  // tokens that are read together, each chunk from an empty context
  int64_t n_chunks = -1;     // most chunks; -1: the whole text
  bool head = false;         // also of the matrix that makes the logits
};

/// `text`: ids in range. Tokens behind the last whole chunk are left out; the first of each chunk
/// gives way to the BOS token where the model has one, as in llama-imatrix. Interleaved weights are
/// refused by precondition. `on_chunk(done, total)`.
/// Errors: a text of less than a chunk, a chunk beyond the model's positions, no memory; cancelled.
Result<ImportanceMatrix> collect_importance(
    const LoadedModel& model, std::span<const int32_t> text, const ImportanceOptions& options,
    ThreadPool& pool, const std::function<void(int64_t done, int64_t total)>& on_chunk,
    const CancelFlag* cancel);

}  // namespace whet
