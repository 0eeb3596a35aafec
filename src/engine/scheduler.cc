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

int64_t Scheduler::Entry::n_reserved() const {
  RequestShape granted = shape;
  granted.n_new = n_granted;
  return positions_needed(granted);
}

void Scheduler::submit(const RequestShape& shape) {
  WHET_CHECK(waiting_.empty() || waiting_.back().shape.id < shape.id);
  waiting_.push_back({shape, std::min(shape.n_new, limits_.n_ahead)});
}

std::vector<RequestShape> Scheduler::admit() {
  std::vector<RequestShape> admitted;
  int64_t n_sequences = 0;
  for (const Entry& r : running_) n_sequences += r.shape.n_sequences;
  while (!waiting_.empty()) {
    const Entry& next = waiting_.front();
    if (n_reserved_ + next.n_reserved() > limits_.n_positions ||
        n_sequences + next.shape.n_sequences > limits_.n_sequences) {
      break;
    }
    n_reserved_ += next.n_reserved();
    n_sequences += next.shape.n_sequences;
    admitted.push_back(next.shape);
    running_.push_back(next);
    waiting_.pop_front();
  }
  return admitted;
}

void Scheduler::start(const RequestShape& shape, std::span<const SequenceId> sequences,
                      std::span<const int64_t> n_known, int64_t n_cached) {
  WHET_CHECK(!sequences.empty() && sequences.size() == n_known.size() && n_cached >= 0 &&
             n_cached < (sequences.size() > 1 ? shape.n_prompt : n_known[0]));
  for (size_t i = 0; i < sequences.size(); ++i) {
    const auto place = std::ranges::lower_bound(sequences_, sequences[i], {}, &SequenceState::id);
    WHET_CHECK(n_known[i] >= shape.n_prompt &&
               (place == sequences_.end() || place->id > sequences[i]));
    SequenceState s;
    s.id = sequences[i];
    s.request = shape.id;
    s.phase = i == 0 ? Phase::kPrefill : Phase::kFollow;
    s.n_prompt = shape.n_prompt;
    s.n_known = n_known[i];
    s.n_cached = i == 0 ? n_cached : 0;
    s.n_new = shape.n_new;
    // What gave way had read its prompt.
    s.all_logits = shape.all_logits && n_known[i] == shape.n_prompt;
    sequences_.insert(place, s);
  }
}

int64_t Scheduler::n_next(RequestId request) const {
  int64_t furthest = 0;
  for (const SequenceState& s : sequences_) {
    if (s.request != request) continue;
    const int64_t end = s.phase == Phase::kDecode ? s.n_cached + 1 + s.n_draft : s.n_known;
    furthest = std::max(furthest, end - s.n_prompt);
  }
  return furthest;
}

void Scheduler::give_way(size_t running) {
  Entry entry = running_[running];
  n_reserved_ -= entry.n_reserved();
  running_.erase(running_.begin() + static_cast<ptrdiff_t>(running));
  // Let it come back only when it can go on for a while.
  entry.n_granted = std::min(entry.shape.n_new, n_next(entry.shape.id) + limits_.n_ahead);
  std::erase_if(sequences_, [&](const SequenceState& s) { return s.request == entry.shape.id; });
  const auto place = std::ranges::lower_bound(waiting_, entry.shape.id, {},
                                              [](const Entry& e) { return e.shape.id; });
  waiting_.insert(place, entry);
}

std::vector<RequestId> Scheduler::make_room() {
  std::vector<RequestId> gone;
  const auto send_away = [&](size_t running) {
    gone.push_back(running_[running].shape.id);
    give_way(running);
  };
  for (size_t i = 0; i < running_.size(); ++i) {
    Entry wider = running_[i];
    const int64_t needed = std::min(n_next(wider.shape.id), wider.shape.n_new);
    if (needed <= wider.n_granted) continue;
    wider.n_granted = std::min(wider.shape.n_new, needed + limits_.n_ahead);
    const int64_t more = wider.n_reserved() - running_[i].n_reserved();
    const auto is_short = [&] { return n_reserved_ + more > limits_.n_positions; };
    while (is_short() && running_.size() > i + 1) send_away(running_.size() - 1);
    if (is_short()) {
      WHET_CHECK(i > 0);  // alone, a request has room
      send_away(i);
      break;
    }
    n_reserved_ += more;
    running_[i] = wider;
  }
  return gone;
}

SequenceState* Scheduler::find(SequenceId id) {
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
    const auto follows = [&](const SequenceState& other) {
      return other.request == s.request && other.phase == Phase::kFollow;
    };
    // Others branch off where the prompt ends, so it must be the end of a segment.
    const bool leads = s.n_cached < s.n_prompt && std::ranges::any_of(sequences_, follows);
    const int64_t end = leads ? s.n_prompt : s.n_known;
    int64_t n = std::min(end - s.n_cached, rows);
    if (s.all_logits) n = std::min(n, limits_.n_logits_rows);
    if (n <= 0) continue;
    rows -= n;
    plan.n_prompt_rows += n;
    Segment segment{s.id, s.n_cached, n, 0, s.all_logits, {}};
    if (s.n_cached + n == end) {
      if (s.n_known == end) segment.samplers.push_back(s.id);
      if (leads) {
        for (const SequenceState& other : sequences_) {
          if (!follows(other)) continue;
          segment.followers.push_back(other.id);
          if (other.n_known == end) segment.samplers.push_back(other.id);
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
    const int64_t n_cached = segment.first + outcome.n_valid;
    if (SequenceState* s = find(segment.sequence)) s->n_cached = n_cached;
    for (SequenceId id : segment.followers) {
      if (SequenceState* s = find(id)) {
        s->phase = Phase::kPrefill;
        s->n_cached = n_cached;
      }
    }
    for (size_t k = 0; k < segment.samplers.size(); ++k) {
      SequenceState* s = find(segment.samplers[k]);
      if (s == nullptr) continue;
      if (outcome.sampler_done[k]) {
        end_sequence(segment.samplers[k]);
        continue;
      }
      s->phase = Phase::kDecode;
      s->n_cached = n_cached;
      s->n_draft = 0;
    }
  }
}

void Scheduler::end_sequence(SequenceId sequence) {
  std::erase_if(sequences_, [&](const SequenceState& s) { return s.id == sequence; });
}

void Scheduler::end_request(RequestId request) {
  std::erase_if(sequences_, [&](const SequenceState& s) { return s.request == request; });
  std::erase_if(waiting_, [&](const Entry& e) { return e.shape.id == request; });
  auto it = std::ranges::find(running_, request, [](const Entry& e) { return e.shape.id; });
  if (it == running_.end()) return;
  n_reserved_ -= it->n_reserved();
  running_.erase(it);
}

}  // namespace whet
