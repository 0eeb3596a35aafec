// BatchTimes: what a batch of n samples takes on this machine, learnt from the runs of a record, so
// that a control can be given as many samples as fill a time.
#pragma once

#include <cstddef>
#include <vector>

namespace whet::experiment {

class BatchTimes {
 public:
  /// A batch of `n` samples, 2 or more, took `ratio` times what one sample took on the same task.
  void note(size_t n, double ratio);
  /// The most samples, at least 1 and at most 256, whose batch is expected to take at most `ratio`
  /// times one sample. Expected is a straight line through one sample with the median slope of the
  /// batches, so that one which the machine held up does not count for more than the others; before
  /// anything is known, as long as one after the other.
  size_t n_within(double ratio) const;

 private:
  std::vector<double> slopes_;  // time of each sample beyond the first, over one sample's
};

}  // namespace whet::experiment
