#include "sys/core_clock.h"

#include <gtest/gtest.h>

namespace whet {
namespace {

// A multiplication that waits for the one before takes 1 to 20 cycles of a clock of 0.1 to 10 GHz;
// were the loop left out as dead, the figure would be far above.
TEST(CoreClock, IsThatOfAProcessor) {
  const double per_s = dependent_multiplications_per_s();
  EXPECT_GT(per_s, 1e6);
  EXPECT_LT(per_s, 1e10);
}

}  // namespace
}  // namespace whet
