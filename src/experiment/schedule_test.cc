#include "experiment/schedule.h"

#include <gtest/gtest.h>

#include <map>
#include <set>

namespace whet::experiment {
namespace {

TEST(Schedule, RotatesTheStrategiesAndPutsControlsLast) {
  const auto runs = make_schedule(2, 2, 3, 2);
  std::vector<size_t> rows;
  for (const PlannedRun& run : runs) rows.push_back(run.row);
  EXPECT_EQ(rows, (std::vector<size_t>{0, 1, 2, 1, 2, 0, 3, 4, 4, 3,     // task 0
                                       1, 2, 0, 2, 0, 1, 4, 3, 3, 4}));  // task 1
  EXPECT_EQ(runs[9].task, 0u);
  EXPECT_EQ(runs[10].task, 1u);
}

TEST(Schedule, RunsEverythingOnceAndEveryRowEquallyOftenFirst) {
  const auto runs = make_schedule(12, 4, 4, 3);
  std::set<std::tuple<size_t, size_t, size_t>> seen;
  for (const PlannedRun& run : runs) EXPECT_TRUE(seen.insert({run.task, run.seed, run.row}).second);
  EXPECT_EQ(seen.size(), 12u * 4 * 7);
  std::map<size_t, int> first;
  for (size_t i = 0; i < runs.size(); i += (i % 28 == 12 ? 16 : 4)) ++first[runs[i].row];
  for (size_t row = 0; row < 4; ++row) EXPECT_EQ(first[row], 12) << row;
}

TEST(Schedule, InterleavesFamilies) {
  EXPECT_EQ(interleave_families({"b", "b", "b", "a", "a", "c"}),
            (std::vector<size_t>{0, 3, 5, 1, 4, 2}));
  EXPECT_TRUE(interleave_families({}).empty());
}

TEST(Schedule, NeedsNoControls) {
  EXPECT_EQ(make_schedule(3, 2, 2, 0).size(), 12u);
}

}  // namespace
}  // namespace whet::experiment
