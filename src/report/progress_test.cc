#include "report/progress.h"

#include <gtest/gtest.h>

#include "report/text.h"

namespace whet::report {
namespace {

constexpr int64_t kSecond = 1'000'000'000;

struct Recorder {
  std::string text;
  int64_t now = 0;
  ProgressOptions options(bool terminal) {
    ProgressOptions o;
    o.terminal = terminal;
    o.write = [this](std::string_view s) { text += s; };
    o.now_ns = [this] { return now; };
    return o;
  }
};

TEST(Progress, OneLinePerTenthAwayFromATerminal) {
  Recorder r;
  {
    Progress progress("running", 40, r.options(false));
    for (int i = 1; i <= 40; ++i) {
      r.now += kSecond;
      progress.update(i);
    }
  }
  EXPECT_EQ(std::count(r.text.begin(), r.text.end(), '\n'), 8);  // 5 seconds apart at least
  EXPECT_TRUE(r.text.starts_with("running: 10 % (5/40), 5 s, about 35 s left\n")) << r.text;
  EXPECT_TRUE(r.text.ends_with("running: 100 % (40/40), 40 s\n")) << r.text;
  EXPECT_EQ(r.text.find('\x1b'), std::string::npos);
}

TEST(Progress, RedrawsOneLineOnATerminalAndKeepsToItsWidth) {
  Recorder r;
  {
    Progress progress("running", 10, r.options(true));
    for (int i = 1; i <= 10; ++i) {
      r.now += kSecond;
      progress.update(i, "self_consistency on a task with a rather long name");
    }
  }
  EXPECT_EQ(std::count(r.text.begin(), r.text.end(), '\n'), 1);
  EXPECT_NE(r.text.find("━"), std::string::npos);
  for (size_t begin = 0; begin < r.text.size();) {
    const size_t end = std::min(r.text.find('\r', begin), r.text.size());
    std::string line = r.text.substr(begin, end - begin);
    if (const size_t clear = line.find("\x1b[K"); clear != std::string::npos) line.resize(clear);
    EXPECT_LE(display_width(line), 79) << line;
    begin = end + 1;
  }
}

TEST(Progress, DoesNotRedrawFasterThanTheEyeSees) {
  Recorder r;
  Progress progress("fast", 1000, r.options(true));
  for (int i = 1; i < 1000; ++i) {
    r.now += kSecond / 1000;
    progress.update(i);
  }
  EXPECT_LE(std::count(r.text.begin(), r.text.end(), '\r'), 12);
}

TEST(Progress, ShortWorkIsOneLineAwayFromATerminal) {
  Recorder r;
  Progress progress("quick", 10, r.options(false));
  for (int i = 1; i <= 10; ++i) {
    r.now += kSecond / 10;
    progress.update(i);
  }
  EXPECT_EQ(r.text, "quick: 100 % (10/10), 1 s\n");
}

TEST(Progress, AResumedRunEstimatesFromItsOwnPace) {
  Recorder r;
  auto options = r.options(false);
  options.done_before = 50;
  Progress progress("resumed", 100, options);
  r.now += 10 * kSecond;
  progress.update(60);
  EXPECT_EQ(r.text, "resumed: 60 % (60/100), 10 s, about 40 s left\n");
}

TEST(Progress, UnknownTotalAndHiding) {
  Recorder r;
  Progress progress("count", 0, r.options(true));
  r.now += kSecond;
  progress.update(7);
  EXPECT_NE(r.text.find("count  7  1 s"), std::string::npos) << r.text;
  progress.hide();
  EXPECT_TRUE(r.text.ends_with("\r\x1b[K"));
}

}  // namespace
}  // namespace whet::report
