#include "token/recent_characters.h"

#include <gtest/gtest.h>
#include <utf8proc.h>

#include "token/unicode_class.h"
#include "token/utf8.h"

namespace whet {
namespace {

TEST(RecentCharacters, AreThoseOfUnicode15And16) {
  size_t n = 0;
  for (char32_t c = 0; c <= 0x10FFFF; ++c) {
    const auto likeness = older_likeness(c);
    if (!likeness) continue;
    ++n;
    std::string given, taken;
    append_utf8(given, c);
    append_utf8(taken, *likeness);
    ASSERT_EQ(given.size(), taken.size()) << static_cast<uint32_t>(c);
    ASSERT_FALSE(older_likeness(*likeness)) << static_cast<uint32_t>(c);
    // Where this library's tables know the character, the categories are the same.
    const auto known = utf8proc_category(static_cast<utf8proc_int32_t>(c));
    const auto other = utf8proc_category(static_cast<utf8proc_int32_t>(*likeness));
    ASSERT_TRUE(known == UTF8PROC_CATEGORY_CN || known == other) << static_cast<uint32_t>(c);
  }
  EXPECT_EQ(n, 154'998 - 144'697);  // the characters of Unicode 16.0 less those of 14.0
}

TEST(RecentCharacters, KeepTheirPlaces) {
  EXPECT_EQ(with_older_likenesses("a\u00E9\u6C34\U0001F642"), std::nullopt);
  EXPECT_EQ(with_older_likenesses("a\u0897 \u6C34\U00016D79!"), "a\u0941 \u6C34\U000104A0!");
}

TEST(RecentCharacters, MakeWords) {
  EXPECT_TRUE(is_word_character(0x13BAD));   // a hieroglyph
  EXPECT_FALSE(is_word_character(0x1CD00));  // a symbol
}

}  // namespace
}  // namespace whet
