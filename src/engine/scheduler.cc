#include "engine/scheduler.h"

#include <algorithm>

#include "base/check.h"
#include "base/checked_math.h"

namespace whet {
namespace {

// The unit in which keys and values are allocated and shared.
constexpr int64_t kBlock = 128;

using Phase = SequenceState::Phase;

int64_t whole_blocks(int64_t n) {
  return ceil_div(n, kBlock) * kBlock;
}

}  // namespace

int64_t Scheduler::positions_needed(const RequestShape& shape) {
  return whole_blocks(shape.n_prompt + shape.n_new) +
         (shape.n_sequences - 1) * (whole_blocks(shape.n_new) + kBlock);
}

bool Scheduler::can_ever_run(const RequestShape& shape) const {
  return shape.n_sequences <= limits_.n_sequences && positions_needed(shape) <= limits_.n_positions;
}

std::vector<RequestShape> Scheduler::admit() {
  std::vector<RequestShape> admitted;
  int64_t n_sequences = 0;
  for (const Running& r : running_) n_sequences += r.n_sequences;
  while (!waiting_.empty()) {
    const RequestShape& next = waiting_.front();
    const int64_t needed = positions_needed(next);
    if (n_reserved_ + needed > limits_.n_positions ||
        n_sequences + next.n_sequences > limits_.n_sequences) {
      break;
    }
    n_reserved_ += needed;
    n_sequences += next.n_sequences;
    running_.push_back({next.id, needed, next.n_sequences});
    admitted.push_back(next);
    waiting_.pop_front();
  }
  return admitted;
}

void Scheduler::start(const RequestShape& shape, std::span<const SequenceId> sequences,
                      int64_t n_cached) {
  WHET_CHECK(static_cast<int64_t>(sequences.size()) == shape.n_sequences && n_cached >= 0 &&
             n_cached < shape.n_prompt);
  for (size_t i = 0; i < sequences.size(); ++i) {
    WHET_CHECK(sequences_.empty() || sequences_.back().id < sequences[i]);
    SequenceState s;
    s.id = sequences[i];
    s.request = shape.id;
    s.phase = i == 0 ? Phase::kPrefill : Phase::kFollow;
    s.n_prompt = shape.n_prompt;
    s.n_cached = i == 0 ? n_cached : 0;
    s.n_new = shape.n_new;
    s.all_logits = shape.all_logits;
    sequences_.push_back(s);
  }
}

SequenceState* Scheduler::find(SequenceId id) {
  // Ids grow in order of admission.
  auto it = std::ranges::lower_bound(sequences_, id, {}, &SequenceState::id);
  return it == sequences_.end() || it->id != id ? nullptr : &*it;
}

void Scheduler::propose(SequenceId sequence, int64_t n_draft) {
  SequenceState* s = find(sequence);
  WHET_CHECK(s != nullptr && s->phase == Phase::kDecode && n_draft >= 0);
  s->n_draft = n_draft;
}

StepPlan Scheduler::plan() const {
  StepPlan plan;
  int64_t rows = limits_.n_rows;
  for (const SequenceState& s : sequences_) {
    if (s.phase != Phase::kDecode) continue;
    plan.segments.push_back({s.id, s.n_cached, 1 + s.n_draft, s.n_draft, false, {s.id}});
    plan.n_decode_rows += 1 + s.n_draft;
  }
  rows -= plan.n_decode_rows;
  if (plan.n_decode_rows > 0) rows = std::min(rows, limits_.n_prompt_rows_beside_decode);
  for (const SequenceState& s : sequences_) {
    if (s.phase != Phase::kPrefill) continue;
    int64_t n = std::min(s.n_prompt - s.n_cached, rows);
    if (s.all_logits) n = std::min(n, limits_.n_logits_rows);
    if (n <= 0) continue;
    rows -= n;
    plan.n_prompt_rows += n;
    Segment segment{s.id, s.n_cached, n, 0, s.all_logits, {}};
    if (s.n_cached + n == s.n_prompt) {
      segment.samplers.push_back(s.id);
      for (const SequenceState& other : sequences_) {
        if (other.request == s.request && other.phase == Phase::kFollow) {
          segment.samplers.push_back(other.id);
        }
      }
    }
    plan.segments.push_back(std::move(segment));
  }
  return plan;
}

void Scheduler::apply(const StepPlan& plan, std::span<const SegmentOutcome> outcomes) {
  WHET_CHECK(plan.segments.size() == outcomes.size());
  for (size_t i = 0; i < outcomes.size(); ++i) {
    const Segment& segment = plan.segments[i];
    const SegmentOutcome& outcome = outcomes[i];
    WHET_CHECK(outcome.n_valid >= 1 && outcome.n_valid <= segment.n_tokens &&
               outcome.sampler_done.size() == segment.samplers.size());
    if (SequenceState* s = find(segment.sequence)) s->n_cached = segment.first + outcome.n_valid;
    for (size_t k = 0; k < segment.samplers.size(); ++k) {
      SequenceState* s = find(segment.samplers[k]);
      if (s == nullptr) continue;
      if (outcome.sampler_done[k]) {
        end_sequence(segment.samplers[k]);
        continue;
      }
      s->phase = Phase::kDecode;
      s->n_cached = segment.first + outcome.n_valid;
      s->n_draft = 0;
    }
  }
}

void Scheduler::end_sequence(SequenceId sequence) {
  std::erase_if(sequences_, [&](const SequenceState& s) { return s.id == sequence; });
}

void Scheduler::end_request(RequestId request) {
  std::erase_if(sequences_, [&](const SequenceState& s) { return s.request == request; });
  std::erase_if(waiting_, [&](const RequestShape& s) { return s.id == request; });
  auto it = std::ranges::find(running_, request, &Running::id);
  if (it == running_.end()) return;
  n_reserved_ -= it->n_positions;
  running_.erase(it);
}

}  // namespace whet
