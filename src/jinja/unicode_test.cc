#include "jinja/unicode.h"

#include <gtest/gtest.h>

namespace whet::jinja {
namespace {

TEST(Unicode, CountsAndCutsCodePoints) {
  EXPECT_EQ(count_code_points("aé日😀"), 4u);
  EXPECT_EQ(byte_offset("aé日😀", 2), 3u);
  EXPECT_EQ(byte_offset("aé", 9), 3u);
  EXPECT_EQ(count_code_points("\xff\xe6\x97"), 3u);      // invalid bytes count one each
  EXPECT_EQ(count_code_points("\xed\xa0\x80"), 3u);      // an encoded surrogate is invalid
  EXPECT_EQ(count_code_points("\xf4\x90\x80\x80"), 4u);  // beyond U+10FFFF
}

TEST(Unicode, StripsPythonsWhitespace) {
  EXPECT_EQ(strip_space("\t\v\x1c\u00a0\u2003a b\u3000\u2028\n", true, true), "a b");
  EXPECT_EQ(strip_space(" \u200b ", true, true), "\u200b");  // zero width space is none
  EXPECT_EQ(strip_space(" \n ", false, true), "");
  EXPECT_EQ(strip_space(" a ", true, false), "a ");
  EXPECT_EQ(strip_space("a\xa0", false, true), "a\xa0");  // a lone byte is not U+00A0
  EXPECT_EQ(strip_chars("xyaxyx", "yx", true, true), "a");
  EXPECT_EQ(strip_chars("ééa", "é", true, true), "a");
}

TEST(Unicode, ChangesCase) {
  EXPECT_EQ(to_upper("straße é日"), "STRASSE É日");
  EXPECT_EQ(to_lower("ÀΩ İ").substr(0, 5), "àω ");
  EXPECT_EQ(capitalize("éLAN"), "Élan");
  EXPECT_EQ(to_title("it's a 3x"), "It'S A 3X");
}

TEST(Unicode, SplitsLines) {
  EXPECT_EQ(split_lines("a\nb\r\nc\rd\u2028e\n"),
            (std::vector<std::string_view>{"a", "b", "c", "d", "e"}));
  EXPECT_TRUE(split_lines("").empty());
  EXPECT_EQ(split_lines("\n\n").size(), 2u);
}

TEST(Unicode, FindsInLinearTime) {
  EXPECT_EQ(find_bytes("abcabc", "c", 3), 5u);
  EXPECT_EQ(find_bytes("abc", ""), 0u);
  EXPECT_EQ(find_bytes("abc", "", 4), std::string_view::npos);
  const std::string haystack(1 << 22, 'a');
  const std::string needle = std::string(1 << 21, 'a') + "b";
  EXPECT_EQ(find_bytes(haystack, needle), std::string_view::npos);  // hangs if quadratic
}

}  // namespace
}  // namespace whet::jinja
