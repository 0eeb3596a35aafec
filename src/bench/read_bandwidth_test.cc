#include "bench/read_bandwidth.h"

#include <gtest/gtest.h>
#include <sys/resource.h>

#include <cstdlib>

#include "sys/number_file.h"

namespace whet {
namespace {

constexpr uint64_t kMiB = 1 << 20;

TEST(ReadBandwidth, TakesAtMostHalfOfWhatIsLeft) {
  EXPECT_EQ(bytes_to_read(UINT64_MAX), 512 * kMiB);
  EXPECT_EQ(bytes_to_read(1024 * kMiB), 512 * kMiB);
  EXPECT_EQ(bytes_to_read(300 * kMiB), 150 * kMiB);
  EXPECT_EQ(bytes_to_read(300 * kMiB + 4095), 150 * kMiB) << "whole pages for every chunk";
}

TEST(ReadBandwidth, WhatACacheMayHoldIsNotMeasured) {
  EXPECT_EQ(bytes_to_read(128 * kMiB), 64 * kMiB);
  EXPECT_EQ(bytes_to_read(128 * kMiB - 1), 0u);
  EXPECT_EQ(bytes_to_read(1000), 0u);
}

TEST(ReadBandwidth, TakesWhatALimitOfTheAddressSpaceGrants) {
  // In a process of its own, since a limit cannot be raised again everywhere.
  const auto measured_within = [](uint64_t more_bytes) {
    ThreadPool pool(1);
    rlimit limit{};
    limit.rlim_cur = limit.rlim_max =
        static_cast<rlim_t>(*number_after("/proc/self/status", "VmSize:")) * 1024 + more_bytes;
    if (::setrlimit(RLIMIT_AS, &limit) != 0) return 2;
    return measure_read_bandwidth(pool) ? 0 : 1;
  };
  EXPECT_EXIT(std::exit(measured_within(200 * kMiB)), testing::ExitedWithCode(0), "");
  EXPECT_EXIT(std::exit(measured_within(60 * kMiB)), testing::ExitedWithCode(1), "");
}

}  // namespace
}  // namespace whet
