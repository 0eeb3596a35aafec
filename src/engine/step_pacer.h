// StepPacer: how many prompt rows a step may take while others decode, so that their streams go on.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace whet {

class StepPacer {
 public:
  /// A step with prompt rows shall take about `slowdown` (> 1) times one without, and no less than
  /// `least` nor more than `most` rows. Knows no clock: it is told what steps took.
  StepPacer(double slowdown, int64_t least, int64_t most);

  /// A step in which somebody decoded and so many rows belonged to prompts took `ns`.
  void note(int64_t n_prompt_rows, int64_t ns);
  /// For the next step.
  int64_t n_prompt_rows() const { return n_rows_; }

 private:
  /// Of the last steps without prompt rows, the median: one that something disturbed, such as the
  /// reading of the newcomer's text, must not make prompt rows look cheap. 0: none seen.
  double decode_ns() const;

  double slowdown_;
  int64_t least_, most_;
  std::array<double, 9> decodes_ns_{};  // of steps without prompt rows, a ring
  size_t n_decodes_ = 0;                // ever noted
  double row_ns_ = 0;                   // that a prompt row adds, smoothed; 0: none seen
  int64_t n_rows_;
};

}  // namespace whet
