#include "cli/interrupt.h"

#include <gtest/gtest.h>

#include <csignal>
#include <cstdlib>
#include <filesystem>

#include "sys/pending_file.h"

namespace whet {
namespace {

namespace fs = std::filesystem;

// Each in a process of its own: handlers are installed once.
class InterruptTest : public testing::Test {
 protected:
  InterruptTest() { GTEST_FLAG_SET(death_test_style, "threadsafe"); }
};

[[noreturn]] void stop_by(int signal) {
  interrupt_flag();
  std::raise(signal);
  std::exit(interrupt_flag().cancelled() ? interrupted_status() : 0);
}

TEST_F(InterruptTest, StopsByEverySignalThatAsksForIt) {
  EXPECT_EXIT(stop_by(SIGINT), testing::ExitedWithCode(130), "");
  EXPECT_EXIT(stop_by(SIGTERM), testing::ExitedWithCode(143), "");
  EXPECT_EXIT(stop_by(SIGHUP), testing::ExitedWithCode(129), "") << "the terminal was closed";
}

TEST_F(InterruptTest, GoesOnWithoutItsTerminalUnderNohup) {
  EXPECT_EXIT(
      {
        std::signal(SIGHUP, SIG_IGN);
        stop_by(SIGHUP);
      },
      testing::ExitedWithCode(0), "");
}

TEST_F(InterruptTest, ASecondSignalLeavesNoHalfFile) {
  const fs::path directory = fs::path(testing::TempDir()) / "whet-second-signal";
  fs::remove_all(directory);
  fs::create_directory(directory);
  EXPECT_EXIT(
      {
        auto file = PendingFile::create((directory / "out").string());
        if (!file.ok() || fs::is_empty(directory)) std::exit(1);
        interrupt_flag().cancel();
        std::raise(SIGINT);
        std::exit(2);
      },
      testing::ExitedWithCode(130), "");
  EXPECT_TRUE(fs::is_empty(directory));
  fs::remove_all(directory);
}

}  // namespace
}  // namespace whet
