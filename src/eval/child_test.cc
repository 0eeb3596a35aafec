#include "eval/child.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"

namespace whet::eval {
namespace {

ChildSpec shell(const std::string& script) {
  ChildSpec spec;
  spec.argv = {"/bin/sh", "-c", script};
  return spec;
}

ChildResult run(const ChildSpec& spec) {
  auto result = run_child(spec);
  EXPECT_TRUE(result.ok()) << result.error().message();
  return result.ok() ? std::move(result).value() : ChildResult{};
}

TEST(Child, ReadsAReportThatComesAfterTheOutputIsClosed) {
  const auto result =
      run(shell("exec 1>&- 2>&-; i=0; while [ $i -lt 100000 ]; do i=$((i+1)); done; printf late "
                ">&3; exit 4"));
  EXPECT_EQ(result.report.text, "late");
  EXPECT_EQ(result.exit_code, 4);
  EXPECT_FALSE(result.timed_out);
}

TEST(Child, KeepsReadingALongReport) {
  const auto result =
      run(shell("exec 1>&- 2>&-; i=0; while [ $i -lt 40000 ]; do printf "
                "0123456789 >&3; i=$((i+1)); done; exit 5"));
  EXPECT_EQ(result.report.text.size(), 64u << 10);
  EXPECT_TRUE(result.report.truncated);
  EXPECT_EQ(result.exit_code, 5);
}

TEST(Child, EndsOneThatClosesAllItsOutputAndGoesOn) {
  ChildSpec spec = shell("exec 1>&- 2>&- 3>&-; while :; do :; done");
  spec.wall_ns = 300'000'000;
  const auto result = run(spec);
  EXPECT_TRUE(result.timed_out);
  EXPECT_LT(result.wall_ns, 10'000'000'000);
}

TEST(Child, TheWatchSeesItAndMayEndIt) {
  ChildSpec spec = shell("printf begun >&3; while :; do :; done");
  pid_t seen = 0;
  spec.watch = [&](pid_t child, const ChildResult& so_far) {
    seen = child;
    return std::string(so_far.report.text == "begun" ? "enough" : "");
  };
  const auto result = run(spec);
  EXPECT_EQ(result.stopped, "enough");
  EXPECT_FALSE(result.timed_out);
  EXPECT_NE(result.exit_code, 0);
  EXPECT_GT(seen, 1);
  EXPECT_LT(result.wall_ns, 10'000'000'000);
}

}  // namespace
}  // namespace whet::eval
