#include "base/json_nesting.h"

#include <gtest/gtest.h>

#include <string>

namespace whet {
namespace {

TEST(JsonNesting, CountsTheBracketsThatAreOpenAtOnce) {
  EXPECT_EQ(json_nesting(""), 0);
  EXPECT_EQ(json_nesting("3"), 0);
  EXPECT_EQ(json_nesting("[[],[],{}]"), 2);
  EXPECT_EQ(json_nesting(R"({"a":[{"b":[]}]} )"), 4);
  EXPECT_EQ(json_nesting(std::string(100'000, '[')), 100'000);
}

TEST(JsonNesting, BracketsInStringsAreText) {
  EXPECT_EQ(json_nesting(R"(["[[[[", "{{"])"), 1);
  EXPECT_EQ(json_nesting(R"(["\"[[", "\\", [1]])"), 2) << "an escaped quote ends no string";
}

TEST(JsonNesting, TextThatIsNoJsonGivesSomeNumber) {
  EXPECT_EQ(json_nesting("]]][["), 0);
  EXPECT_EQ(json_nesting("\"[[ without an end"), 0);
  EXPECT_EQ(json_nesting("\"\\"), 0);
}

}  // namespace
}  // namespace whet
