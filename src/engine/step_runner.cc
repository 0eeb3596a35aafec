#include "engine/step_runner.h"

#include <utility>

#include "base/check.h"
#include "base/clock.h"

namespace whet {
namespace {

// Logits of a step below which sampling its rows one after the other is faster than waking the
// team.
constexpr size_t kLogitsWorthATeam = 16 * 1024;

}  // namespace

StepRunner::StepRunner(const Decoder& model, ThreadPool& pool, KvArena& arena, bool exact,
                       SparseRows sparse_rows)
    : model_(model),
      pool_(pool),
      arena_(arena),
      scratch_(model.config, exact),
      sparse_rows_(sparse_rows) {}

std::span<const float> StepRunner::forward_pass(std::span<const StepSegment> segments) {
  return forward(model_, segments, scratch_, pool_);
}

Status StepRunner::branch(const Segment& segment, const FindSequence& find) {
  KvSequence& prompt = *find(segment.sequence).kv;
  for (SequenceId id : segment.followers) {
    Sequence& sequence = find(id);
    if (sequence.room() == 0) continue;
    WHET_TRY(KvSequence kv, arena_.branch(prompt, prompt.size()));
    sequence.kv = std::move(kv);
  }
  return ok_status();
}

Result<std::vector<SegmentOutcome>> StepRunner::run(const StepPlan& plan,
                                                    const FindSequence& find) {
  segments_.clear();
  tokens_.resize(plan.segments.size());
  for (size_t i = 0; i < plan.segments.size(); ++i) {
    const Segment& segment = plan.segments[i];
    Sequence& sequence = find(segment.sequence);
    const auto known =
        sequence.ids().subspan(static_cast<size_t>(segment.first),
                               static_cast<size_t>(segment.n_tokens - segment.n_draft));
    tokens_[i].assign(known.begin(), known.end());
    tokens_[i].insert(tokens_[i].end(), sequence.draft.begin(), sequence.draft.end());
    WHET_CHECK(static_cast<int64_t>(tokens_[i].size()) == segment.n_tokens &&
               sequence.kv->size() == segment.first);
    WHET_TRY_STATUS(sequence.kv->prepare(segment.n_tokens));
    float* states = sequence.pool ? sequence.pool->receive(segment.n_tokens) : nullptr;
    const auto wanted = sequence.pool                               ? StepSegment::Logits::kNone
                        : segment.all_logits || segment.n_draft > 0 ? StepSegment::Logits::kAll
                        : segment.samplers.empty()                  ? StepSegment::Logits::kNone
                                                                    : StepSegment::Logits::kLast;
    const bool sparse = sparse_rows_ == SparseRows::kAll || (sparse_rows_ == SparseRows::kDecoded &&
                                                             segment.first >= sequence.n_prompt());
    segments_.push_back(
        {&*sequence.kv, tokens_[i], wanted, states, /*revocable=*/segment.n_draft > 0, sparse});
  }
  const std::span<const float> logits = forward_pass(segments_);
  forward_end_ns_ = monotonic_ns();

  const auto vocab = static_cast<size_t>(model_.config.vocab_size);
  draws_.clear();
  size_t row = 0;
  for (size_t i = 0; i < plan.segments.size(); ++i) {
    const Segment& segment = plan.segments[i];
    Sequence& sequence = find(segment.sequence);
    const size_t n_rows = segments_[i].logits == StepSegment::Logits::kNone   ? 0
                          : segments_[i].logits == StepSegment::Logits::kLast ? 1
                                                                              : tokens_[i].size();
    const std::span<const float> rows = logits.subspan(row * vocab, n_rows * vocab);
    row += n_rows;
    if (sequence.pool) sequence.pool->add(segment.first);
    if (segment.all_logits) sequence.score_prompt(rows, segment.first);
    WHET_TRY_STATUS(branch(segment, find));
    const size_t n_sampled =
        sequence.pool ? 0 : static_cast<size_t>(segment.n_draft) + 1;  // from so many rows
    for (SequenceId id : segment.samplers) {
      draws_.push_back({&find(id), rows.last(n_sampled * vocab), sequence.draft, 0});
    }
  }
  pool_.for_each(
      static_cast<int64_t>(draws_.size()),
      [&](int64_t i) {
        Draw& draw = draws_[static_cast<size_t>(i)];
        if (!draw.sequence->active()) return;  // its prompt could not be scored
        if (draw.sequence->room() == 0) {
          draw.sequence->finish(FinishReason::kLength);
        } else {
          draw.n_taken = draw.sequence->advance(draw.logits, draw.draft);
        }
      },
      draws_.size() * vocab >= kLogitsWorthATeam);

  std::vector<SegmentOutcome> outcomes;
  size_t next = 0;
  for (const Segment& segment : plan.segments) {
    Sequence& sequence = find(segment.sequence);
    SegmentOutcome outcome{segment.n_tokens, {}};
    if (segment.n_draft > 0) {
      outcome.n_valid = draws_[next].n_taken;
      sequence.kv->rewind(segment.first + outcome.n_valid);
      sequence.draft.clear();
    }
    for (size_t k = 0; k < segment.samplers.size(); ++k) {
      outcome.sampler_done.push_back(!draws_[next++].sequence->active());
    }
    outcomes.push_back(std::move(outcome));
  }
  return outcomes;
}

}  // namespace whet
