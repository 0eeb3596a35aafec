#include "engine/engine_options.h"

#include <fmt/format.h>

#include <algorithm>

#include "engine/model_pooling.h"
#include "engine/range_error.h"
#include "model/forward.h"
#include "sys/machine.h"

namespace whet {
namespace {

constexpr int kMaxThreads = 1024;

// Of the memory that is available: what keys and values may take.
constexpr double kKvShare = 0.75;
constexpr uint64_t kLeastKvBytes = uint64_t{64} << 20;

/// Bytes of keys and values where the user names none.
uint64_t default_kv_bytes(const LoadedModel& loaded) {
  const uint64_t available = available_memory_bytes().value_or(kLeastKvBytes);
  // Mapped weights are in memory while the model runs, but count as available until then.
  const uint64_t weights = loaded.storage == WeightStorage::kMapped ? weight_bytes(loaded) : 0;
  const uint64_t left = available > weights ? available - weights : 0;
  return std::max(kLeastKvBytes, static_cast<uint64_t>(kKvShare * static_cast<double>(left)));
}

}  // namespace

uint64_t weight_bytes(const LoadedModel& loaded) {
  uint64_t total = 0;
  for (const TensorEntry& tensor : loaded.file.tensors) total += tensor.bytes.size();
  return total;
}

Result<EngineOptions> resolve_options(const EngineOptions& requested, const LoadedModel& loaded) {
  EngineOptions options = requested;
  const ModelConfig& config = loaded.model.config;
  if (options.threads == 0) options.threads = cpu_limits().usable_threads();
  if (options.context == 0) options.context = config.context_length;
  if (options.threads < 1 || options.threads > kMaxThreads) {
    return range_error("threads", 1, kMaxThreads, options.threads);
  }
  if (options.context < 1 || options.context > kMaxContext) {
    return range_error("context size", 1, kMaxContext, options.context);
  }
  if (config.n_positions > 0 && options.context > config.n_positions) {
    return range_error("context size of a model with learned positions", 1, config.n_positions,
                       options.context);
  }
  if (options.sparse_rows != SparseRows::kNone && !loaded.model.sparsity) {
    return Error(ErrorCode::kInvalidArgument,
                 "sparse rows: expected a model with a plan (whet adapt larosa writes one), found "
                 "one without");
  }
  if (options.sparse_rows != SparseRows::kNone && !options.prefix_directory.empty()) {
    return Error(ErrorCode::kInvalidArgument,
                 "sparse rows: their keys and values are not those of the model, and are not kept "
                 "in files; leave --prefix-cache-dir out");
  }
  if (options.batch < 1 || options.batch > kMaxContext) {
    return range_error("batch size", 1, kMaxContext, options.batch);
  }
  if (options.batch_beside_decode < 0 || options.batch_beside_decode > kMaxContext) {
    return range_error("batch size beside decoding", 0, kMaxContext, options.batch_beside_decode);
  }
  if (options.speculation.n_max < 1 || options.speculation.n_max > kMostDraftTokens) {
    return range_error("draft tokens", 1, kMostDraftTokens, options.speculation.n_max);
  }
  if (!(options.speculation.p_min >= 0 && options.speculation.p_min <= 1)) {
    return Error(ErrorCode::kInvalidArgument,
                 fmt::format("least probability of a draft token: expected 0 to 1, found {}",
                             options.speculation.p_min));
  }
  if (options.speculation.n_draft_head < 0) {
    return range_error("rows of the draft model's head", 0, kMaxContext,
                       options.speculation.n_draft_head);
  }
  if (options.reserve_ahead < 1 || options.reserve_ahead > kMaxContext) {
    return range_error("tokens reserved ahead", 1, kMaxContext, options.reserve_ahead);
  }
  if (!options.pooling) {
    WHET_TRY(options.pooling, model_pooling(loaded));
  }
  if (options.kv_bytes == 0) options.kv_bytes = default_kv_bytes(loaded);
  if (requested.context == 0) {
    // A request without a limit of its own may fill the context, so memory must hold one.
    const KvShape shape = kv_shape_of(config, options.context, options.kv_type);
    WHET_TRY(const KvLayout layout, KvLayout::in_blocks(shape));
    const auto n_blocks = static_cast<int64_t>(options.kv_bytes / layout.block_bytes());
    options.context = std::min(options.context, std::max<int64_t>(n_blocks, 1) * KvLayout::kBlock);
  }
  return options;
}

}  // namespace whet
