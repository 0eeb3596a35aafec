// DraftModel: a small model that proposes what a larger one may draw next. Shared by all sequences;
// of the loop's thread.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "base/result.h"
#include "draft/step_cost.h"
#include "kv/kv_sequence.h"
#include "load/loaded_model.h"
#include "model/forward.h"
#include "par/thread_pool.h"

namespace whet {

class DraftModel {
 public:
  /// Only the first `n_head_rows` tokens of its vocabulary are proposed, and only these rows of its
  /// head computed; 0 = all. `target`, of a model with `target_rows` rows of logits, is what the
  /// proposals are for. `sparse`: a token read alone keeps the channels that the model's plan says.
  DraftModel(LoadedModel loaded, const Tokenizer& target, int64_t target_rows, int64_t n_head_rows,
             bool sparse = false);

  /// Whether ids mean the same to both, as far as this model has them.
  bool same_vocabulary() const { return same_vocabulary_; }
  const Tokenizer& tokenizer() const { return *loaded_.tokenizer; }
  int64_t context() const { return model_.config.context_length; }
  /// Tokens that can be proposed: [0, n).
  int64_t n_rows() const { return model_.config.vocab_size; }
  uint64_t bytes_per_step() const { return bytes_per_step_; }

  /// Errors: no addresses left.
  Result<KvSequence> open() const;
  /// Reads tokens behind `kv`; logits [n_rows()] of what follows, valid until the next call.
  /// Preconditions: at least one token, and room for all.
  std::span<const float> read(KvSequence& kv, std::span<const int32_t> tokens, ThreadPool& pool);

  /// Of read() calls, by their tokens.
  const StepCost& cost() const { return cost_; }

 private:
  LoadedModel loaded_;
  Decoder model_;  // with the shortened head; a view of loaded_
  ForwardScratch scratch_;
  bool same_vocabulary_;
  bool sparse_;
  uint64_t bytes_per_step_;
  StepCost cost_;
};

/// Bytes of weights that a decoding step of one row reads.
uint64_t weight_bytes_of_step(const Decoder& model);

}  // namespace whet
