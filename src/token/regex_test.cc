#include "token/regex.h"

#include <gtest/gtest.h>

#include "base/clock.h"
#include "token/known_pre_tokenizers.h"
#include "token/regex_dialect.h"

namespace whet {
namespace {

std::vector<std::string> matches_of(const std::string& pattern, const std::string& text) {
  auto regex = Regex::compile(pattern);
  if (!regex.ok()) return {regex.error().message()};
  std::vector<RegexMatch> matches;
  const Status status = regex->find_all(text, matches);
  if (!status.ok()) return {status.error().message()};
  std::vector<std::string> texts;
  for (const RegexMatch& match : matches) {
    texts.push_back(text.substr(match.begin, match.end - match.begin));
  }
  return texts;
}

using Texts = std::vector<std::string>;

TEST(Regex, TakesWhiteSpaceAsUnicodeDefinesIt) {
  // U+0085 and U+3000 are white space; U+180E and U+200B are not.
  EXPECT_EQ(matches_of(R"(\s+)", "a \u0085\u3000b\u180Ec\u200Bd"), (Texts{" \u0085\u3000"}));
  EXPECT_EQ(matches_of(R"([\s]+)", "a\u180E b"), (Texts{" "}));
  EXPECT_EQ(matches_of(R"(\S+)", "ab \u180E"), (Texts{"ab", "\u180E"}));
  EXPECT_EQ(matches_of(R"([\S]+)", "ab \u180E"), (Texts{"ab", "\u180E"}));
}

TEST(Regex, ReadsOnigurumasSpellings) {
  EXPECT_EQ(matches_of(R"(\w+)", "e\u0301_a b"), (Texts{"e\u0301_a", "b"}));  // marks are words
  // No boundary before a mark, which belongs to the word.
  EXPECT_EQ(matches_of(R"(\d+\b)", "12\uFE0F 34 5a"), (Texts{"34"}));
  EXPECT_EQ(matches_of(R"(\d+?\B)", "12\uFE0F 34"), (Texts{"1", "2", "3"}));
  EXPECT_EQ(matches_of(R"(\h+)", "xyz0fG"), (Texts{"0f"}));  // hexadecimal digits
  EXPECT_EQ(matches_of(R"(\u4e00)", "\u4e00\u4e01"), (Texts{"\u4e00"}));
  // Script, not Script_Extensions: U+3001 is used with Han but belongs to Common.
  EXPECT_EQ(matches_of(R"(\p{Han}+)", "\u4e00\u3001"), (Texts{"\u4e00"}));
  EXPECT_EQ(matches_of(R"(\p{^Lu}+)", "ABcd"), (Texts{"cd"}));
  EXPECT_EQ(matches_of(R"(a$)", "a\nba"), (Texts{"a", "a"}));  // `$` at every line
  // Members of a class in a class are the outer one's.
  EXPECT_EQ(matches_of(R"([a[bc]d]+)", "xabcd[]e"), (Texts{"abcd"}));
  EXPECT_EQ(matches_of(R"( ?[^(\s|[.,\]])]+)", "a b(c|d.e]f"),
            (Texts{"a", " b", "c", "d", "e", "f"}));
  EXPECT_EQ(matches_of(R"([a[b[\d]]])", "a1b2z"), (Texts{"a", "1", "b", "2"}));
  EXPECT_EQ(matches_of(R"((?i:'s|'ll))", "'S'lL\u017F"), (Texts{"'S", "'lL"}));
}

TEST(Regex, KnowsTheCharactersOfUnicode16) {
  EXPECT_EQ(matches_of(R"(\p{N}{1,3})", "\U00016D79287261"), (Texts{"\U00016D7928", "726", "1"}));
  EXPECT_EQ(matches_of(R"([^\s\p{L}\p{N}]+)", "\U00013D3F\uFE0F a"), (Texts{"\uFE0F"}));
  EXPECT_EQ(matches_of(R"(\p{M}+)", "\U00011F00a\u0897"), (Texts{"\U00011F00", "\u0897"}));
  EXPECT_EQ(matches_of(R"(\p{Han}+)", "\U0002EBF0\U0001E5D0"), (Texts{"\U0002EBF0"}));
  EXPECT_EQ(matches_of(R"(\p{Lu})", "\U00010D50\U00010D70\uA7CB"), (Texts{"\U00010D50", "\uA7CB"}));
  // As itself where the pattern names it.
  EXPECT_EQ(matches_of("\U00016D79", "\U00016D78\U00016D79"), (Texts{"\U00016D79"}));
}

TEST(Regex, RefusesWhatWouldChangeItsMeaning) {
  for (const char* pattern : {R"([a&&b])", R"([a[^b]])", R"([a-[bc]])", R"([a[-b]])", R"([[a-]b])",
                              R"([[a]-z])", R"([a[]b]])", R"([a[b])", R"(\p{N}{1,3}+)", "(?m:a.b)",
                              R"([\W])", "[a", "a\\", "(", R"(\p{Nope})", "\xFF"}) {
    EXPECT_FALSE(Regex::compile(pattern).ok()) << pattern;
  }
}

TEST(Regex, FindsEmptyMatchesOncePerPlace) {
  auto regex = Regex::compile(R"((?=(\d{3})+(?!\d)))");
  ASSERT_TRUE(regex.ok()) << regex.error().message();
  std::vector<RegexMatch> matches;
  ASSERT_TRUE(regex->find_all("1234567", matches).ok());
  ASSERT_EQ(matches.size(), 2u);
  EXPECT_EQ(matches[0].begin, 1u);
  EXPECT_EQ(matches[1].begin, 4u);
}

TEST(Regex, MatchesLiteralsByteForByte) {
  auto regex = Regex::literal("a.(\u00E9)\\E$");
  ASSERT_TRUE(regex.ok()) << regex.error().message();
  std::vector<RegexMatch> matches;
  ASSERT_TRUE(regex->find_all("xa.(\u00E9)\\E$ a_(\u00E9)", matches).ok());
  ASSERT_EQ(matches.size(), 1u);
  EXPECT_EQ(matches[0].begin, 1u);
}

TEST(Regex, StopsAnExponentialPattern) {
  auto regex = Regex::compile(R"((a+)+$)");
  ASSERT_TRUE(regex.ok());
  std::vector<RegexMatch> matches;
  const Status status = regex->find_all(std::string(60, 'a') + "b", matches);
  ASSERT_FALSE(status.ok());
  EXPECT_EQ(status.error().code(), ErrorCode::kInvalidArgument);
}

TEST(Regex, StopsAQuadraticPatternOnTheClock) {
  auto regex = Regex::compile(R"(\s+x)");
  ASSERT_TRUE(regex.ok());
  std::vector<RegexMatch> matches;
  const int64_t limit_ns = 50'000'000;
  const Status status = regex->find_all(std::string(4 << 20, ' '), matches, limit_ns);
  ASSERT_FALSE(status.ok());
  EXPECT_NE(status.error().message().find("takes too long"), std::string::npos);
}

TEST(Regex, SplitsDeepSeeksTrailingSpacesInLinearTime) {
  auto regex = Regex::compile(R"(\s+$)");
  ASSERT_TRUE(regex.ok());
  std::vector<RegexMatch> matches;
  ASSERT_TRUE(regex->find_all(std::string(4 << 20, ' ') + "x", matches, 5'000'000'000).ok());
  EXPECT_TRUE(matches.empty());
  EXPECT_EQ(matches_of(R"(\s+$)", "a  b   "), (Texts{"   "}));
}

TEST(KnownPreTokenizers, AllCompileAndCutWithoutLoss) {
  const std::string text =
      "Hello, World's  \u00C9t\u00E9 12345 \u6C34\u3042\uAC00 a_b\n\n  x=1;'LL \u0301\xFF\xE2\x82 "
      "end  ";
  for (std::string_view name : known_pre_tokenizer_names()) {
    auto known = find_pre_tokenizer(name);
    ASSERT_TRUE(known.ok()) << name << ": " << known.error().message();
    auto words = known->pre_tokenizer.split(text, true);
    ASSERT_TRUE(words.ok()) << name << ": " << words.error().message();
    std::string joined;
    for (std::string_view word : words->words) joined += word;
    EXPECT_EQ(joined, text) << name;
    EXPECT_GE(words->words.size(), 8u) << name;
  }
}

TEST(KnownPreTokenizers, NamesTheKnownOnesWhenItMeetsAnother) {
  auto known = find_pre_tokenizer("no-such-\x1B[31m");
  ASSERT_FALSE(known.ok());
  EXPECT_NE(known.error().message().find("smollm"), std::string::npos);
  EXPECT_NE(known.error().message().find("no-such-\\x1b"), std::string::npos);
}

}  // namespace
}  // namespace whet
