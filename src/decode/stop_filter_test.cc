#include "decode/stop_filter.h"

#include <gtest/gtest.h>

namespace whet {
namespace {

std::string feed(std::vector<std::string> stops, std::string_view text, size_t piece,
                 bool* stopped) {
  StopFilter filter(std::move(stops));
  std::string out;
  for (size_t i = 0; i < text.size(); i += piece) out += filter.push(text.substr(i, piece));
  out += filter.flush();
  *stopped = filter.stopped();
  return out;
}

TEST(StopFilter, CutsAtTheEarliestStopWhateverThePieces) {
  for (size_t piece = 1; piece <= 12; ++piece) {
    bool stopped = false;
    EXPECT_EQ(feed({"###", "\n\n"}, "ab#c\n##d\n\ne###", piece, &stopped), "ab#c\n##d");
    EXPECT_TRUE(stopped);
  }
}

TEST(StopFilter, WithholdsOnlyWhatMayBecomeAStop) {
  StopFilter filter({"END"});
  EXPECT_EQ(filter.push("abE"), "ab");
  EXPECT_EQ(filter.push("N"), "");
  EXPECT_EQ(filter.push("x"), "ENx");
  EXPECT_EQ(filter.push("yEN"), "y");
  EXPECT_EQ(filter.flush(), "EN");
  EXPECT_FALSE(filter.stopped());
}

TEST(StopFilter, OverlappingCandidatesAreNotMissed) {
  bool stopped = false;
  EXPECT_EQ(feed({"aab"}, "aaab", 1, &stopped), "a");
  EXPECT_TRUE(stopped);
}

}  // namespace
}  // namespace whet
