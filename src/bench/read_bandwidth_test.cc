#include "bench/read_bandwidth.h"

#include <gtest/gtest.h>

namespace whet {
namespace {

constexpr uint64_t kMiB = 1 << 20;

TEST(ReadBandwidth, TakesAtMostHalfOfWhatIsLeft) {
  EXPECT_EQ(bytes_to_read(UINT64_MAX), 512 * kMiB);
  EXPECT_EQ(bytes_to_read(1024 * kMiB), 512 * kMiB);
  EXPECT_EQ(bytes_to_read(300 * kMiB), 150 * kMiB);
  EXPECT_EQ(bytes_to_read(300 * kMiB + 4095), 150 * kMiB) << "whole pages for every chunk";
  EXPECT_EQ(bytes_to_read(1000), 0u);
}

}  // namespace
}  // namespace whet
