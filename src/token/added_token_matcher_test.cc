#include "token/added_token_matcher.h"

#include <gtest/gtest.h>

namespace whet {
namespace {

// Fragments as text, added tokens as "#id".
std::vector<std::string> split(std::vector<AddedToken> tokens, std::string_view text) {
  const AddedTokenMatcher matcher(std::move(tokens));
  std::vector<std::string> shown;
  for (const Fragment& fragment : matcher.split(text, {})) {
    shown.push_back(fragment.token ? "#" + std::to_string(*fragment.token)
                                   : std::string(fragment.text));
  }
  return shown;
}

using Shown = std::vector<std::string>;

TEST(AddedTokenMatcher, TakesTheLeftmostAndThereTheLongest) {
  const std::vector<AddedToken> tokens = {
      {.id = 1, .text = "ab"}, {.id = 2, .text = "abcd"}, {.id = 3, .text = "bcde"}};
  EXPECT_EQ(split(tokens, "xabcdex"), (Shown{"x", "#2", "ex"}));
  EXPECT_EQ(split(tokens, "abcx"), (Shown{"#1", "cx"}));  // back to the shorter one
  EXPECT_EQ(split(tokens, "abab"), (Shown{"#1", "#1"}));
  EXPECT_EQ(split(tokens, ""), Shown{});
  EXPECT_EQ(split({}, "ab"), Shown{"ab"});
}

TEST(AddedTokenMatcher, IgnoresEmptyAndRepeatedTexts) {
  EXPECT_EQ(split({{.id = 1, .text = ""}, {.id = 2, .text = "a"}, {.id = 3, .text = "a"}}, "ba"),
            (Shown{"b", "#2"}));
}

TEST(AddedTokenMatcher, StripsWhiteSpaceOnTheSideAskedFor) {
  const std::vector<AddedToken> tokens = {{.id = 1, .text = "<l>", .strips_left = true},
                                          {.id = 2, .text = "<r>", .strips_right = true}};
  EXPECT_EQ(split(tokens, "a \u3000<l> b"), (Shown{"a", "#1", " b"}));
  EXPECT_EQ(split(tokens, "a <r> \n\u00A0b"), (Shown{"a ", "#2", "b"}));
  // What one token has taken the next cannot take again.
  EXPECT_EQ(split(tokens, "<r>  <l>"), (Shown{"#2", "#1"}));
}

TEST(AddedTokenMatcher, FindsWholeWordsOnly) {
  const std::vector<AddedToken> tokens = {{.id = 1, .text = "cat", .whole_word = true}};
  EXPECT_EQ(split(tokens, "cat"), Shown{"#1"});
  EXPECT_EQ(split(tokens, "a cat."), (Shown{"a ", "#1", "."}));
  EXPECT_EQ(split(tokens, "concat cats cat1 cat_ \u00E9cat"),
            (Shown{"concat cats cat1 cat_ \u00E9cat"}));
}

TEST(AddedTokenMatcher, WalksLongTextsOnce) {
  // Every place starts a token that nearly matches: the cost is text times token, no more.
  const std::string text(1 << 20, 'a');
  const std::vector<AddedToken> tokens = {{.id = 1, .text = std::string(64, 'a') + "b"}};
  EXPECT_EQ(split(tokens, text).size(), 1u);
}

}  // namespace
}  // namespace whet
