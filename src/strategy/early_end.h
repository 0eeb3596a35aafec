// EarlyEnd: draws samples that are chosen among, and ends those that are still being written once
// nothing that they may bring would change the choice. A batch takes as long as its longest text,
// so this is where the time of a vote goes.
//
// Programs are run beside the generation, which never waits for one. What is chosen does not depend
// on how fast they ran: texts are counted in the order in which they came to their end, each once
// all before it are known, and those behind the deciding one are not chosen even if they were
// complete before it was known that it decides.
#pragma once

#include <cstddef>
#include <future>
#include <optional>
#include <string>
#include <vector>

#include "strategy/examples.h"
#include "strategy/session.h"

namespace whet::strategy {

/// What decides while samples are open.
enum class EndRule {
  kNever,
  /// A vote by key is won: the leader has more votes than the second would get with all that are
  /// open. The winner is that of the full vote whatever the rest would have been, so texts that
  /// end first have no advantage. Code votes by its behaviour on public examples; by its text where
  /// there is nothing to run.
  kVote,
  /// Code: a program holds every public example, so that no other can hold more.
  kAllExamples,
};

struct Votes {
  size_t leader = 0, second = 0;
};
/// The sizes of the two largest groups of equal keys.
Votes count_votes(const std::vector<std::string>& keys);

class EarlyEnd {
 public:
  /// `n`: samples of the session in all, those that it has included, if nothing ends them. Under
  /// Context::every_candidate the rule is kNever.
  EarlyEnd(Session& session, EndRule rule, size_t n);

  /// One request. A sample that it ends is no candidate to be chosen, and says why.
  Status draw(std::vector<SamplingParams> samples);
  /// Further samples would be of no use.
  bool decided() const { return decided_at_.has_value(); }
  /// "; decided after 2 of 3"; "" if nothing was ended or left out.
  std::string note() const;
  /// What is known of the programs, so that nobody runs them again.
  ExampleRuns& runs() { return runs_; }

 private:
  /// A text that may be chosen, in the order of their ends.
  struct Finished {
    size_t place;   // of its sample in the request under way; later of its candidate
    size_t n_open;  // samples that had not ended then
    std::string key, source;
  };

  Continue see(const GenerateEvent& event);
  void add(size_t place, const Candidate& candidate);
  /// Counts the texts that are known, up to the first that is not.
  void count();
  void count_one(const Finished& text, const eval::ExampleRun* run);
  /// Starts the next program that has to be known, unless one is running, or the samples are
  /// likely to end before it would.
  void start_run();
  void collect_run(bool wait);
  /// Whether knowing more of the finished programs could decide anything now.
  bool could_decide() const;
  /// After the last event: runs what must be known for the decision.
  void settle();
  /// Where all programs are one, nothing tells its candidates apart and it is not run for that:
  /// counts them as if it held everything. That leaves those that a run would have left which ended
  /// the others in time.
  void settle_one_program();
  bool are_one_program() const;
  std::string ended_why() const;

  Session& session_;
  EndRule rule_;
  size_t n_, n_open_;
  bool runs_programs_;
  std::vector<std::string> texts_;  // of the request under way
  int64_t first_event_ns_ = 0;      // of the request under way
  std::vector<Finished> finished_;
  size_t n_counted_ = 0;
  std::vector<std::string> keys_;     // of the votes so far
  std::optional<size_t> decided_at_;  // in finished_
  bool is_one_program_ = false;
  ExampleRuns runs_;
  std::string running_key_;
  std::future<ExampleRuns::Run> running_;  // its destructor waits for the end of the run
};

}  // namespace whet::strategy
