#include "experiment/batch_times.h"

#include <gtest/gtest.h>

namespace whet::experiment {
namespace {

TEST(BatchTimes, UntilAnythingIsKnownSamplesCostWhatTheyCostInSequence) {
  EXPECT_EQ(BatchTimes().n_within(3.5), 3u);
  EXPECT_EQ(BatchTimes().n_within(0.4), 1u) << "one is always drawn";
}

TEST(BatchTimes, FollowsWhatBatchesTook) {
  BatchTimes times;
  times.note(3, 2.0);  // half of a sample's time for each beyond the first
  EXPECT_EQ(times.n_within(2.0), 3u);
  EXPECT_EQ(times.n_within(3.9), 6u);
  times.note(9, 1.8);  // a tenth; (2 * 1 + 8 * 0.8) / (4 + 64) = 0.1235
  EXPECT_EQ(times.n_within(2.0), 9u);
}

TEST(BatchTimes, IsBoundedWhereBatchesSeemToCostNothing) {
  BatchTimes times;
  times.note(8, 0.9);
  EXPECT_EQ(times.n_within(1.05), 6u) << "a hundredth each";
  EXPECT_EQ(times.n_within(100), 256u);
}

}  // namespace
}  // namespace whet::experiment
