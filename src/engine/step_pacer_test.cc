#include "engine/step_pacer.h"

#include <gtest/gtest.h>

namespace whet {
namespace {

/// Nanoseconds of a machine on which a step has a fixed cost and rows have another.
int64_t cost(int64_t n_prompt_rows, int64_t fixed, int64_t per_row) {
  return fixed + n_prompt_rows * per_row;
}

TEST(StepPacer, ApproachesTheSlowdownFromBelow) {
  StepPacer pacer(3, 8, 64);
  EXPECT_EQ(pacer.n_prompt_rows(), 8);
  for (int i = 0; i < 10; ++i) pacer.note(0, cost(0, 40'000, 4'000));
  for (int i = 0; i < 50; ++i) {
    const int64_t rows = pacer.n_prompt_rows();
    EXPECT_LE(cost(rows, 40'000, 4'000), 3 * 40'000);
    pacer.note(rows, cost(rows, 40'000, 4'000));
  }
  EXPECT_EQ(pacer.n_prompt_rows(), 20);
}

TEST(StepPacer, FollowsRowsThatGetDearer) {
  StepPacer pacer(3, 4, 64);
  pacer.note(0, 40'000);
  for (int64_t per_row = 2'000; per_row <= 8'000; per_row += 50) {
    pacer.note(pacer.n_prompt_rows(), cost(pacer.n_prompt_rows(), 40'000, per_row));
  }
  EXPECT_NEAR(static_cast<double>(pacer.n_prompt_rows()), 10, 1);
}

TEST(StepPacer, StaysWithinItsBounds) {
  StepPacer slow(2, 8, 64), fast(2, 8, 64), blind(2, 8, 64);
  for (int i = 0; i < 20; ++i) {
    slow.note(0, 1'000);
    slow.note(8, 1'000'000);
    fast.note(0, 1'000'000);
    fast.note(8, 1'000'000);
    blind.note(8, 1'000'000);
  }
  EXPECT_EQ(slow.n_prompt_rows(), 8);
  EXPECT_EQ(fast.n_prompt_rows(), 64);
  EXPECT_EQ(blind.n_prompt_rows(), 8);  // without a step of decoding alone it knows nothing
}

TEST(StepPacer, OneDisturbedStepDoesNotMakeTheNextOnesLong) {
  StepPacer pacer(3, 8, 128);
  for (int i = 0; i < 9; ++i) pacer.note(0, 40'000);
  pacer.note(0, 120'000);  // while a newcomer's text was read
  int64_t longest = 0;
  for (int i = 0; i < 40; ++i) {
    const int64_t rows = pacer.n_prompt_rows();
    longest = std::max(longest, cost(rows, 40'000, 4'000));
    // One step looks free.
    pacer.note(rows, i == 20 ? 40'000 : cost(rows, 40'000, 4'000));
  }
  EXPECT_LE(longest, 40'000 * 4);
}

}  // namespace
}  // namespace whet
