// RunBudget: samples that a strategy may spend on the questions of a run together. Each question
// pays in its share; one whose first sample is unsurer than most of those before takes out more.
#pragma once

#include <cstddef>
#include <optional>
#include <vector>

namespace whet::strategy {

class RunBudget {
 public:
  /// Samples that this question may have in all, its first one included, 1 to `most`: the share of
  /// earlier questions that were surer decides how much of what has been paid in and not been used
  /// it gets. `share`: samples paid in per question. Paid in is never exceeded, except that every
  /// question has its first.
  size_t allowance(std::optional<double> first_logprob, double share, size_t most) const;
  /// A question is done: the mean logprob of its first sample, and the samples that it used.
  void note(std::optional<double> first_logprob, size_t n_used);

  size_t n_questions() const { return logprobs_.size(); }
  size_t n_used() const { return n_used_; }

 private:
  std::vector<double> logprobs_;  // of first samples; unknown ones are the least sure
  size_t n_used_ = 0;
};

}  // namespace whet::strategy
