// forward(): the one pass through the decoder. Rows may belong to several sequences.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "kv/kv_sequence.h"
#include "model/model_config.h"
#include "model/sparsity.h"
#include "model/weights.h"
#include "par/thread_pool.h"

namespace whet {

class ProjectionObserver;  // ops/projection.h

struct Decoder {
  ModelConfig config;
  Weights weights;
  std::shared_ptr<const SparsityPlan> sparsity = nullptr;  // of sparse rows; null: they are dense
};

/// Consecutive tokens of one sequence inside a step.
struct StepSegment {
  KvSequence* kv;                   // receives keys and values at positions kv->size()...
  std::span<const int32_t> tokens;  // ids, each in [0, V)
  enum class Logits { kNone, kLast, kAll } logits;  // rows whose logits are wanted
  float* states = nullptr;  // receives the rows as the head would see them, [T, D]; null = unwanted
  bool revocable = false;   // kv may be rewound to any of these tokens afterwards
  bool sparse = false;      // its rows keep the channels that Decoder::sparsity says
};

/// Buffers of forward(), reused between steps; grows to the largest step seen.
class ForwardScratch {
 public:
  /// `exact`: see ProjectionScratch.
  explicit ForwardScratch(const ModelConfig& config, bool exact = false);
  ~ForwardScratch();
  ForwardScratch(ForwardScratch&&) noexcept;
  ForwardScratch& operator=(ForwardScratch&&) noexcept;

  /// Tells `observer` of the products of later passes, until another is named; nullptr ends it.
  void observe(ProjectionObserver* observer);

  /// From now on sparse rows are counted: a pass over each input more.
  void count_sparsity();
  const SparsityCount& sparsity_count() const;

  struct Buffers;
  Buffers& buffers() { return *buffers_; }

 private:
  std::unique_ptr<Buffers> buffers_;
};

/// The cache that a sequence of this decoder needs.
KvShape kv_shape_of(const ModelConfig& config, int64_t capacity, DType type = DType::F16);

/// Runs all segments in one batch and extends their KV by their tokens.
/// Returns logits [rows wanted, V] f32 in segment order, valid until the next call with `scratch`.
/// Preconditions: ids in range; every KV is prepared for its tokens; no KV appears twice.
/// Determinism: each row's logits are bit-equal for any batch mates, chunking and thread count.
std::span<const float> forward(const Decoder& model, std::span<const StepSegment> segments,
                               ForwardScratch& scratch, ThreadPool& pool);

}  // namespace whet
