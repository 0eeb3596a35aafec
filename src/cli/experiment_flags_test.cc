#include "cli/experiment_flags.h"

#include <gtest/gtest.h>

namespace whet {
namespace {

Result<std::vector<uint64_t>> seeds(const std::string& text) {
  ExperimentFlags flags;
  flags.seeds = text;
  return flags.parse_seeds();
}

TEST(ExperimentFlagsTest, SeedsAreNumbersAndRangesOfAll64Bits) {
  using Seeds = std::vector<uint64_t>;
  EXPECT_EQ(*seeds("7"), Seeds{7});
  EXPECT_EQ(*seeds("1,3-5,0"), (Seeds{1, 3, 4, 5, 0}));
  EXPECT_EQ(*seeds("18446744073709551615"), Seeds{UINT64_MAX});
  EXPECT_EQ(*seeds("18446744073709551614-18446744073709551615"),
            (Seeds{UINT64_MAX - 1, UINT64_MAX}));
  for (const char* text : {"", "-1", "1-", "5-1", "1,,2", "1 ", "x", "18446744073709551616",
                           "0-18446744073709551615", "1-2-3"}) {
    const auto wrong = seeds(text);
    ASSERT_FALSE(wrong.ok()) << text;
    EXPECT_NE(wrong.error().message().find("--seeds: expected numbers"), std::string::npos);
  }
}

TEST(ExperimentFlagsTest, ARecordIsContinuedOrReplaced) {
  ExperimentFlags flags;
  EXPECT_TRUE(flags.check().ok());
  flags.resume = flags.overwrite = true;
  EXPECT_FALSE(flags.check().ok());
}

}  // namespace
}  // namespace whet
