// StepRunner: does what a StepPlan says. The one place of the engine where integers become tensors.
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "base/result.h"
#include "engine/scheduler.h"
#include "engine/sequence.h"
#include "kv/kv_arena.h"
#include "model/forward.h"
#include "par/thread_pool.h"

namespace whet {

class StepRunner {
 public:
  /// References must outlive the runner. `exact`: see ProjectionScratch.
  StepRunner(const Decoder& model, ThreadPool& pool, KvArena& arena, bool exact,
             SparseRows sparse_rows);

  using FindSequence = std::function<Sequence&(SequenceId)>;
  /// One forward pass over the plan's segments; branches the sequences that follow a prompt that
  /// ends here, samples, rewinds what was proposed in vain. Errors: no memory for keys and values.
  Result<std::vector<SegmentOutcome>> run(const StepPlan& plan, const FindSequence& find);

  /// When the forward pass of the last run() ended, before sampling.
  int64_t forward_end_ns() const { return forward_end_ns_; }

  ForwardScratch& scratch() { return scratch_; }

  /// The forward pass alone, for benchmarks.
  std::span<const float> forward_pass(std::span<const StepSegment> segments);

 private:
  struct Draw {
    Sequence* sequence;
    std::span<const float> logits;
    std::span<const int32_t> draft;
    int64_t n_taken;
  };
  /// Gives the segment's followers keys and values of their own.
  Status branch(const Segment& segment, const FindSequence& find);

  const Decoder& model_;
  ThreadPool& pool_;
  KvArena& arena_;
  ForwardScratch scratch_;
  const SparseRows sparse_rows_;
  std::vector<StepSegment> segments_;
  std::vector<std::vector<int32_t>> tokens_;
  std::vector<Draw> draws_;
  int64_t forward_end_ns_ = 0;
};

}  // namespace whet
