// Speculation: proposes tokens for the sequences that decode, as many as pay, and learns from what
// becomes of them. Proposals are verified by drawing (Sequence::advance), so they change when a
// token comes, never which. Of the loop's thread.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

#include "draft/acceptance.h"
#include "draft/draft_budget.h"
#include "draft/draft_model.h"
#include "draft/model_drafter.h"
#include "draft/speculation_options.h"
#include "draft/step_cost.h"
#include "draft/token_index.h"
#include "engine/scheduler.h"
#include "engine/sequence.h"
#include "engine/session_texts.h"

namespace whet {

class Speculation {
 public:
  /// `phrases` and `draft_model` (or null): what these sources propose from. References must
  /// outlive it.
  Speculation(const SpeculationOptions& options, TokenIndex phrases,
              std::unique_ptr<DraftModel> draft_model, const Decoder& target,
              const Tokenizer& tokenizer, ThreadPool& pool);

  using FindSequence = std::function<Sequence&(SequenceId)>;
  /// Lets a sequence take part.
  void admit(SequenceId id, const std::string& scope);
  /// Sets the draft of every decoding sequence that takes part, and tells the scheduler.
  void propose(Scheduler& scheduler, const FindSequence& find);
  /// Learns from a step: what was drawn, and how long the forward pass took.
  void note(const StepPlan& plan, std::span<const SegmentOutcome> outcomes,
            const FindSequence& find, double forward_seconds);
  /// Ends a sequence's part and keeps its text for others of its scope. Returns its counts.
  SpeculationCounts dismiss(SequenceId id, const Sequence& sequence);

  const StepCost& step_cost() const { return step_cost_; }

 private:
  struct Draft {
    DraftSource source = DraftSource::kNgram;
    std::vector<int32_t> tokens;
    std::vector<DraftClass> classes;
    std::vector<double> chances;  // of each token and all before it
  };
  /// When to try what does not seem to pay.
  struct Probing {
    /// One more step without; whether it is time to try.
    bool is_due();
    void reset();
    int64_t n_idle = 0;
    int64_t after = 0;  // steps; 0 = the first time
  };
  struct Participant {
    Participant(std::string participant_scope, const Acceptance* shared)
        : scope(std::move(participant_scope)), acceptance(shared) {}
    std::string scope;
    TokenIndex text;  // of the sequence
    Acceptance acceptance;
    SpeculationCounts counts;
    Draft draft;
    Probing of_texts, of_model;
    std::unique_ptr<ModelDrafter> model;  // null until it is first wanted
  };

  /// What a source proposes behind the sequence's text; empty = nothing.
  Draft offer(DraftSource source, const Participant& participant, const Sequence& sequence) const;
  Draft best_offer(const Participant& participant, const Sequence& sequence,
                   int64_t n_other_rows) const;
  /// Replaces the participant's draft by one of the model, if that promises more.
  void ask_model(Participant& participant, Sequence& sequence, int64_t n_other_rows);
  DraftTimes model_times(int64_t n_to_read) const;
  const TokenIndex* index_of(DraftSource source, const Participant& participant) const;

  SpeculationOptions options_;
  TokenIndex phrases_;
  std::unique_ptr<DraftModel> draft_model_;
  const Decoder& target_;
  const Tokenizer& tokenizer_;
  ThreadPool& pool_;
  SessionTexts session_;
  StepCost step_cost_;
  Acceptance acceptance_;  // of all texts
  std::unordered_map<SequenceId, Participant> participants_;
};

}  // namespace whet
