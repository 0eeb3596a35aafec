#include <algorithm>
#include <cmath>

#include "decode/sampler.h"
#include "draft/draft_context.h"
#include "draft/model_drafter.h"

namespace whet {
namespace {

class IdDrafter : public ModelDrafter {
 public:
  IdDrafter(DraftModel& model, KvSequence kv, int64_t target_rows)
      : model_(model),
        context_(model, std::move(kv)),
        logits_(static_cast<size_t>(target_rows), -INFINITY) {}

  int64_t n_to_read(std::span<const int32_t> text, int64_t n_most) const override {
    const Start start = start_of(text, n_most);
    return static_cast<int64_t>(text.size() - start.base - start.n_kept);
  }

  Result<ModelDraft> draft(std::span<const int32_t> text, int64_t n_most, const Draw& draw,
                           const GoOn& go_on, ThreadPool& pool) override {
    ModelDraft draft;
    const Start start = start_of(text, n_most);
    const auto rest = text.subspan(start.base + start.n_kept);
    // A token that the draft model does not have: it cannot go on from here.
    const auto n_ids = model_.tokenizer().vocab_size();
    if (std::ranges::any_of(rest, [&](int32_t id) { return id >= n_ids; })) return draft;
    base_ = start.base;
    context_.rewind(start.n_kept);
    if (context_.ids().size() + rest.size() + DraftContext::kAhead > context_.capacity()) {
      return draft;
    }
    std::span<const float> rows = context_.read(rest, pool);
    while (true) {
      std::ranges::copy(rows, logits_.begin());
      const auto token = draw(logits_, draft.tokens);
      if (!token || *token >= static_cast<int32_t>(rows.size())) return draft;
      const double probability = std::exp(token_logprob(rows, *token, 0).logprob);
      draft.tokens.push_back(*token);
      draft.probabilities.push_back(probability);
      if (draft.tokens.size() == DraftContext::kAhead || !go_on(probability)) return draft;
      rows = context_.read({&*token, 1}, pool);
    }
  }

 private:
  struct Start {
    size_t base;    // of the text: where the context begins
    size_t n_kept;  // of the context
  };
  Start start_of(std::span<const int32_t> text, int64_t n_most) const {
    const auto ids = context_.ids();
    const auto known = text.subspan(std::min(base_, text.size()));
    size_t n = 0;
    // At least one token is read: its logits are wanted.
    while (n < ids.size() && n + 1 < known.size() && ids[n] == known[n]) ++n;
    const auto most = static_cast<size_t>(n_most);
    if (known.size() - n <= most && !known.empty() &&
        known.size() + DraftContext::kAhead <= context_.capacity()) {
      return {base_, n};
    }
    const size_t last = std::min({text.size(), most, context_.capacity() / 2});
    return {text.size() - last, 0};
  }

  DraftModel& model_;
  DraftContext context_;
  size_t base_ = 0;
  std::vector<float> logits_;  // [V]; -inf behind the draft model's rows
};

}  // namespace

Result<std::unique_ptr<ModelDrafter>> make_id_drafter(DraftModel& model, int64_t target_rows) {
  WHET_TRY(KvSequence kv, model.open());
  return std::unique_ptr<ModelDrafter>(
      std::make_unique<IdDrafter>(model, std::move(kv), target_rows));
}

}  // namespace whet
