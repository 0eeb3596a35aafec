// EarlyEnd: draws samples that are chosen among, and ends those that are still being written once
// nothing that they may bring would change the choice. A batch takes as long as its longest text,
// so this is where the time of a vote goes.
#pragma once

#include <cstddef>
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
  /// end first have no advantage. Code votes by its behaviour on public examples, each program
  /// being run when it ends; by its text where there is nothing to run.
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
  bool decided() const { return decided_; }
  /// "; decided after 2 of 3"; "" if nothing was ended or left out.
  std::string note() const;
  /// What is known of the programs, so that nobody runs them again.
  ExampleRuns& runs() { return runs_; }

 private:
  Continue see(const GenerateEvent& event);
  /// Takes a finished text into account.
  void take(const Candidate& candidate);

  Session& session_;
  EndRule rule_;
  size_t n_, n_left_;
  std::vector<std::string> texts_;  // of the request under way
  std::vector<std::string> keys_;   // of the votes so far
  ExampleRuns runs_;
  bool decided_ = false;
};

}  // namespace whet::strategy
