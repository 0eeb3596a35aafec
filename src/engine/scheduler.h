// Scheduler: decides what runs in the next step. Integers alone: it sees no tensor, no text and no
// clock, so that its rules can be tested on random traces without weights.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <span>
#include <vector>

namespace whet {

using RequestId = int64_t;
using SequenceId = int64_t;

/// What a request needs, in tokens.
struct RequestShape {
  RequestId id = 0;
  int64_t n_prompt = 1;     // >= 1
  int64_t n_sequences = 1;  // completions that share the prompt
  int64_t n_new = 0;        // most tokens that each completion may get; 0 = only read the prompt
  bool all_logits = false;  // of every prompt token, not only the last
};

struct SequenceState {
  enum class Phase {
    kPrefill,  // reads what it knows: its prompt and, after it gave way, its own tokens
    kFollow,   // waits until its leader has read their prompt, then branches off it
    kDecode,
  };
  SequenceId id = 0;
  RequestId request = 0;
  Phase phase = Phase::kPrefill;
  int64_t n_prompt = 0;
  int64_t n_known = 0;   // tokens before it samples; >= n_prompt
  int64_t n_cached = 0;  // positions with keys and values
  int64_t n_new = 0;     // as of RequestShape
  int64_t n_draft = 0;   // tokens proposed for the next step
  bool all_logits = false;
};

/// Consecutive positions of one sequence in a step.
struct Segment {
  SequenceId sequence;
  int64_t first;     // position of its first token
  int64_t n_tokens;  // the last n_draft of them are proposals
  int64_t n_draft;
  bool all_logits;
  /// Sequences that sample from the last row (and from those of the proposals): none while a
  /// prompt goes on, one in decoding, all of a request where its prompt ends.
  std::vector<SequenceId> samplers;
  /// Sequences that branch off behind the last row.
  std::vector<SequenceId> followers = {};
};

struct StepPlan {
  std::vector<Segment> segments;
  int64_t n_decode_rows = 0, n_prompt_rows = 0;
};

/// What became of a segment.
struct SegmentOutcome {
  int64_t n_valid = 0;             // of its positions, from the first on
  std::vector<bool> sampler_done;  // of each sampler: it is finished
};

struct SchedulerLimits {
  int64_t n_rows = 512;  // of a step that only reads prompts
  /// Prompt rows of a step in which others decode: what a stream waits for a newcomer.
  int64_t n_prompt_rows_beside_decode = 32;
  int64_t n_logits_rows = 64;              // of a step in which every row's logits are wanted
  int64_t n_sequences = 4096;              // at once
  int64_t n_positions = int64_t{1} << 40;  // keys and values that memory holds
  int64_t n_ahead = 512;  // new tokens of each completion that are reserved at a time
};

class Scheduler {
 public:
  explicit Scheduler(const SchedulerLimits& limits) : limits_(limits) {}

  /// Positions of keys and values that a request may come to need: its prompt once, each
  /// completion, and a block for each branch that copies the prompt's last one.
  static int64_t positions_needed(const RequestShape& shape);
  /// Whether it fits once nothing else runs.
  bool can_ever_run(const RequestShape& shape) const;
  const SchedulerLimits& limits() const { return limits_; }
  /// From the next plan on; >= 1.
  void limit_prompt_rows_beside_decode(int64_t n) { limits_.n_prompt_rows_beside_decode = n; }

  /// Queues a request; it must be able to run. First come, first served: ids grow.
  void submit(const RequestShape& shape);
  /// Lets the oldest waiting requests start that fit beside those running. Returns them in order.
  /// A request reserves its prompt and the next n_ahead of its new tokens.
  std::vector<RequestShape> admit();
  /// The sequences of a request that was admitted, the first leading, by id; a later request's ids
  /// are larger. Each knows its prompt and, if the request gave way before, tokens of its own.
  /// `n_cached` positions of the leader's are there already: fewer than it knows, and than the
  /// prompt if others follow.
  void start(const RequestShape& shape, std::span<const SequenceId> sequences,
             std::span<const int64_t> n_known, int64_t n_cached);
  /// Reserves what running requests need for the next step, proposals included. Where memory is
  /// short the youngest give way: they are returned, wait again in their old place, and are
  /// admitted and started anew. The oldest always goes on.
  std::vector<RequestId> make_room();
  /// Tokens proposed for a decoding sequence's next step.
  void propose(SequenceId sequence, int64_t n_draft);

  /// A pure function of the state. Empty only if nothing runs.
  StepPlan plan() const;
  /// Takes note of a step; outcomes are those of the plan's segments, in order.
  void apply(const StepPlan& plan, std::span<const SegmentOutcome> outcomes);

  /// Ends one completion early.
  void end_sequence(SequenceId sequence);
  /// Forgets a request, waiting or running, and what it reserved.
  void end_request(RequestId request);

  bool idle() const { return running_.empty() && waiting_.empty(); }
  std::span<const SequenceState> sequences() const { return sequences_; }
  size_t n_waiting() const { return waiting_.size(); }
  int64_t n_reserved() const { return n_reserved_; }

 private:
  struct Entry {
    RequestShape shape;
    int64_t n_granted;  // new tokens of each completion that are reserved for
    int64_t n_reserved() const;
  };
  SequenceState* find(SequenceId id);
  /// New tokens that the request's furthest completion will have after the next step.
  int64_t n_next(RequestId request) const;
  void give_way(size_t running);

  SchedulerLimits limits_;
  std::deque<Entry> waiting_;             // by id
  std::vector<Entry> running_;            // by order of admission
  std::vector<SequenceState> sequences_;  // by id
  int64_t n_reserved_ = 0;
};

}  // namespace whet
