// ModelDrafter: lets a draft model go ahead of one sequence. What the model has read stays in step
// with the text; what was not drawn is taken back.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"
#include "draft/draft_model.h"

namespace whet {

struct ModelDraft {
  std::vector<int32_t> tokens;        // of the target
  std::vector<double> probabilities;  // that the draft model gives them
};

class ModelDrafter {
 public:
  /// What the target would draw from logits [V] behind the text and the tokens `ahead`; nothing
  /// where a grammar allows none.
  using Draw = std::function<std::optional<int32_t>(std::span<const float> logits,
                                                    std::span<const int32_t> ahead)>;
  /// Whether to draft on, after a token of this probability.
  using GoOn = std::function<bool(double probability)>;

  virtual ~ModelDrafter() = default;

  /// About how many tokens of the text the model would have to read before it can propose what
  /// follows, as draft() does.
  virtual int64_t n_to_read(std::span<const int32_t> text, int64_t n_most) const = 0;
  /// What it proposes behind a text that is not empty; nothing where it has nothing to say. Where
  /// more than `n_most` >= 1 tokens would have to be read, it begins anew with about so many, the
  /// last of the text. Errors: those of a tokenizer.
  virtual Result<ModelDraft> draft(std::span<const int32_t> text, int64_t n_most, const Draw& draw,
                                   const GoOn& go_on, ThreadPool& pool) = 0;
};

/// For a model with the target's vocabulary. It draws with the target's own sampler and its random
/// numbers: where both distributions are alike, so are the tokens, at any temperature.
/// `target_rows`: V of the target. References must outlive it. Errors: no addresses left.
Result<std::unique_ptr<ModelDrafter>> make_id_drafter(DraftModel& model, int64_t target_rows);

/// For a model of another vocabulary: it reads the text's bytes and its own likeliest tokens are
/// tokenized anew for the target.
Result<std::unique_ptr<ModelDrafter>> make_text_drafter(DraftModel& model, const Tokenizer& target);

}  // namespace whet
