#include "sys/cpu_time.h"

#include <gtest/gtest.h>

namespace whet {
namespace {

TEST(CpuTime, CountsOwnWorkAsOwnAndAsBusy) {
  const auto before = cpu_time();
  if (!before) GTEST_SKIP() << "/proc/stat does not tell here";
  // Until this process itself has worked for 200 ms, however long that takes.
  auto now = before;
  while (now->own_ns - before->own_ns < 200'000'000) {
    volatile double x = 1;
    for (int i = 0; i < 1'000'000; ++i) x = x * 1.0000001;
    now = cpu_time();
    ASSERT_TRUE(now);
  }
  const int64_t busy = now->busy_ns - before->busy_ns;
  EXPECT_GE(busy, 150'000'000) << "to a few ticks of 10 ms";
  EXPECT_GE(now->stolen_ns, before->stolen_ns);
}

}  // namespace
}  // namespace whet
