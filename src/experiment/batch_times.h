// BatchTimes: what a batch of n samples takes on this machine, learnt from the runs of a record, so
// that a control can be given as many samples as fill a time.
#pragma once

#include <cstddef>

namespace whet::experiment {

class BatchTimes {
 public:
  /// A batch of `n` samples, 2 or more, took `ratio` times what one sample took on the same task.
  void note(size_t n, double ratio);
  /// The most samples, at least 1 and at most 256, whose batch is expected to take at most `ratio`
  /// times one sample. Expected is a straight line through one sample, by least squares; before
  /// anything is known, as long as one after the other.
  size_t n_within(double ratio) const;

 private:
  double products_ = 0;  // of samples beyond the first with time beyond the first's
  double squares_ = 0;   // of samples beyond the first
};

}  // namespace whet::experiment
