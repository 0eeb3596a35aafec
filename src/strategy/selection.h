// Selection: the rules by which strategies choose among eligible candidates. All are deterministic
// and none depends on the order of candidates except for the last tie-break, the index.
#pragma once

#include <string>
#include <vector>

#include "strategy/examples.h"
#include "strategy/session.h"
#include "strategy/strategy.h"

namespace whet::strategy {

/// Highest mean logprob; a candidate without one comes last; then the lowest index.
size_t best_by_logprob(const std::vector<Candidate>& candidates, const std::vector<size_t>& among);

/// Highest score, then mean logprob, then index. Says so if the scores decide nothing.
Selection select_by_score(const std::vector<Candidate>& candidates,
                          const std::vector<size_t>& among, const std::string& score_name);

/// The largest group of equal keys (score = votes); ties by the group's mean of mean logprobs, then
/// its lowest index. The representative is the group's member with the highest mean logprob.
Selection select_by_vote(std::vector<Candidate>& candidates, const std::vector<size_t>& among);

/// Probability that the leader of a vote is truly more frequent than the second, after so many
/// votes, all frequencies being equally likely before.
double probability_of_lead(size_t leader, size_t second);

/// The key with the largest sum of `weights` (by candidate; the score of those that have none);
/// ties as in select_by_vote. The representative is the key's candidate with the largest weight.
Selection select_by_weighted_vote(std::vector<Candidate>& candidates,
                                  const std::vector<size_t>& among,
                                  const std::vector<double>& weights);

/// Score = mean logprob.
Selection select_by_logprob(std::vector<Candidate>& candidates, const std::vector<size_t>& among);

/// The rule of all that have no better one. Code: most public examples held, then mean logprob;
/// numeric, exact and choice: vote; free text: vote if any two agree, else mean logprob.
/// `known`: of programs, score_by_examples's.
Selection select_as_usual(const eval::Question& question, const Context& context,
                          std::vector<Candidate>& candidates, std::vector<size_t> among,
                          ExampleRuns* known = nullptr);

/// 2 L / (|a| + |b|) over words, L the longest common subsequence; 1 for two texts without words.
double word_similarity(std::string_view a, std::string_view b);

/// Gives candidates whose texts are at least `threshold` similar to a group's first member that
/// member's key. Groups are opened in the order of mean logprob, then index.
void group_by_similarity(std::vector<Candidate>& candidates, const std::vector<size_t>& among,
                         double threshold);

}  // namespace whet::strategy
