// EngineOptions: how a model is run, and what is chosen where the user names nothing.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "base/result.h"
#include "draft/speculation_options.h"
#include "engine/scheduler.h"
#include "generator/generator.h"
#include "kv/prefix_files.h"
#include "load/loaded_model.h"
#include "tensor/dtype.h"

namespace whet {

struct EngineOptions {
  int threads = 0;  // 0 = what affinity and cgroup quota allow
  /// Positions per sequence; 0 = the model's own, or as many as memory holds of one.
  int64_t context = 0;
  int64_t batch = 512;  // most prompt tokens in one forward pass
  /// Most prompt tokens of a pass in which others decode; 0 = as many as slow these down by
  /// StepPacer's measure.
  int64_t batch_beside_decode = 0;
  /// New tokens of each completion whose keys and values are reserved at a time.
  int64_t reserve_ahead = SchedulerLimits{}.n_ahead;
  bool exact = false;  // quantised weights as floats, see ProjectionScratch: slow, for comparisons
  SparseRows sparse_rows = SparseRows::kNone;  // of a model with a plan
  DType kv_type = DType::F16;                  // of cached keys and values: F32, F16, BF16 or Q8_0
  uint64_t kv_bytes = 0;                       // for all of them; 0 = what memory is available
  /// Finished sequences stay, where nobody else needs the memory, for prompts that begin the same
  /// way.
  bool prefix_cache = true;
  /// Where whole blocks of them outlive the process; empty = nowhere. Starting then hashes the
  /// weights, so that keys and values of another model are never taken for this one's.
  std::string prefix_directory = {};
  PrefixFileLimits prefix_limits = {};
  SpeculationOptions speculation = {};
  std::string chat_template =
      {};  // Jinja source that replaces the model's own; empty = the model's
  std::optional<Pooling> pooling = {};  // of embeddings; none = as the model's metadata says
};

/// The same with every value that stands for a choice made for this model on this machine.
/// Errors: a value out of range.
Result<EngineOptions> resolve_options(const EngineOptions& requested, const LoadedModel& loaded);

/// Of all tensors, as they stand in the file.
uint64_t weight_bytes(const LoadedModel& loaded);

}  // namespace whet
