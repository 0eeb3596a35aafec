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
  times.note(9, 1.8);  // a tenth; the median is 0.3
  EXPECT_EQ(times.n_within(2.0), 4u);
}

TEST(BatchTimes, OneThatTheMachineHeldUpChangesLittle) {
  BatchTimes times;
  for (int i = 0; i < 9; ++i) times.note(3, 2.0);
  times.note(3, 85);
  EXPECT_EQ(times.n_within(2.0), 3u);
}

TEST(BatchTimes, IsBoundedWhereBatchesSeemToCostNothing) {
  BatchTimes times;
  times.note(8, 0.9);
  EXPECT_EQ(times.n_within(1.05), 6u) << "a hundredth each";
  EXPECT_EQ(times.n_within(100), 256u);
}

}  // namespace
}  // namespace whet::experiment
