#include "grammar/gbnf.h"

#include <gtest/gtest.h>

#include <chrono>
#include <string>

namespace whet::grammar {
namespace {

std::shared_ptr<const Grammar> compiled(std::string_view text) {
  auto grammar = gbnf_grammar(text);
  if (!grammar.ok()) ADD_FAILURE() << text << ": " << grammar.error().message();
  return grammar.ok() ? *grammar : nullptr;
}

void expect_language(std::string_view text, const std::vector<std::string>& in,
                     const std::vector<std::string>& out) {
  const auto grammar = compiled(text);
  ASSERT_NE(grammar, nullptr);
  for (const auto& s : in) EXPECT_TRUE(grammar->matches(s)) << text << " should match " << s;
  for (const auto& s : out) EXPECT_FALSE(grammar->matches(s)) << text << " should not match " << s;
}

void expect_refused(std::string_view text, std::string_view part) {
  const auto grammar = gbnf_grammar(text);
  ASSERT_FALSE(grammar.ok()) << text;
  EXPECT_EQ(grammar.error().code(), ErrorCode::kInvalidArgument);
  EXPECT_NE(grammar.error().message().find(part), std::string::npos)
      << text << ": " << grammar.error().message();
}

TEST(Gbnf, LiteralsAlternativesAndSequences) {
  expect_language("root ::= \"a\" (\"b\" | \"cd\") \"e\"", {"abe", "acde"}, {"", "ae", "abcde"});
  expect_language("root ::= \"a\" | ", {"a", ""}, {"aa"});
  expect_language("root ::= \"\"", {""}, {"a"});
}

TEST(Gbnf, Repetitions) {
  expect_language("root ::= \"ab\"*", {"", "ab", "abab"}, {"a", "aba"});
  expect_language("root ::= \"a\"+ \"b\"?", {"a", "aab"}, {"", "b", "abb"});
  expect_language("root ::= \"a\"{2}", {"aa"}, {"a", "aaa"});
  expect_language("root ::= \"a\"{2,}", {"aa", "aaaaa"}, {"a"});
  expect_language("root ::= \"a\"{1, 3}", {"a", "aa", "aaa"}, {"", "aaaa"});
  expect_language("root ::= \"a\"{0,0} \"b\"", {"b"}, {"ab"});
  expect_language("root ::= ((\"a\"?)*)* \"b\"", {"b", "aaab"}, {"", "a"});
  expect_language("root ::= (\"a\"{1,2} \"b\"){2,3}", {"abab", "aabaabab"}, {"ab", "abababab"});
}

TEST(Gbnf, ClassesAndEscapes) {
  expect_language("root ::= [a-cx]", {"a", "c", "x"}, {"d", "", "aa"});
  expect_language("root ::= [^a-c\\n]", {"d", "é", "😀"}, {"a", "\n", "\xff", "\xc3"});
  expect_language("root ::= [a-]", {"a", "-"}, {"b"});
  expect_language("root ::= [\\x41-\\x43\\]\\\\]", {"A", "C", "]", "\\"}, {"D"});
  expect_language("root ::= \"\\u00e9\\U0001F600\\t\\\"\"", {"é😀\t\""}, {"é"});
  expect_language("root ::= [α-ω]+", {"αβγ"}, {"abc", "α\xce"});
  expect_language("root ::= .", {"a", "\n", "漢"}, {"", "ab", "\xe6\xbc"});
}

TEST(Gbnf, SurrogatesAndOverlongFormsAreNeverMatched) {
  expect_language(
      "root ::= .", {"\xed\x9f\xbf", "\xee\x80\x80", "\xf4\x8f\xbf\xbf"},
      {"\xed\xa0\x80", "\xc0\x80", "\xe0\x80\x80", "\xf0\x80\x80\x80", "\xf4\x90\x80\x80"});
}

TEST(Gbnf, RulesCommentsAndLines) {
  expect_language(
      "# numbers in parentheses\n"
      "root ::= expr\n"
      "expr ::=\n  term (  # first\n  \"+\" term\n   | \"-\" term)*\n"
      "term ::= [0-9]+ | \"(\" expr \")\" |\n  \"x\"\n",
      {"1", "1+2-x", "((1+2)-(3))"}, {"", "1+", "(1", "1)", "()"});
}

TEST(Gbnf, AmbiguityCostsNoMoreThanItsText) {
  // Each bracket has two rules to close it: 2^2000 stacks if they were kept apart.
  const auto grammar = compiled("root ::= \"(\" root \")\" | \"(\" root \")\" \"x\"? | \"\"");
  ASSERT_NE(grammar, nullptr);
  EXPECT_TRUE(grammar->matches(std::string(2000, '(') + std::string(2000, ')')));
  EXPECT_FALSE(grammar->matches(std::string(2000, '(') + std::string(1999, ')')));
}

TEST(Gbnf, HiddenAndRightRecursionAreFine) {
  expect_language("root ::= \"a\" root | \"b\"", {"b", "aaab"}, {"a"});
  expect_language("root ::= e \"a\" root | \"\"\ne ::= \"\" | \"e\"", {"", "aea", "eaea"}, {"ee"});
  const auto grammar = compiled("root ::= \"a\" root | \"\"");
  EXPECT_TRUE(grammar->matches(std::string(100'000, 'a')));
}

TEST(Gbnf, MatchesPrefixSaysWhetherATextCanStillBeCompleted) {
  const auto grammar =
      compiled("root ::= \"(\" root \")\" | \"x\" never | \"é\"\nnever ::= \"y\" never");
  EXPECT_TRUE(grammar->matches_prefix("(("));
  EXPECT_TRUE(grammar->matches_prefix("((\xc3"));
  EXPECT_FALSE(grammar->matches_prefix("(()"));
  EXPECT_FALSE(grammar->matches_prefix("(x")) << "a rule without an end is no way on";
}

TEST(Gbnf, LeftRecursionIsRefusedWithItsCycle) {
  expect_refused("root ::= root \"a\" | \"a\"", "left recursion: root -> root");
  expect_refused("root ::= b \"a\"\nb ::= c | \"x\"\nc ::= \"\"? b \"y\"",
                 "left recursion: b -> c -> b");
  expect_refused("root ::= (\"a\"? root) | \"b\"", "left recursion");
}

TEST(Gbnf, ErrorsSayWhere) {
  expect_refused("", "a rule named root");
  expect_refused("main ::= \"a\"", "a rule named root");
  expect_refused("root ::= foo",
                 "line 1, column 10: the rule foo is used here but defined nowhere");
  expect_refused("root ::= \"a\"\nroot ::= \"b\"",
                 "line 2, column 1: the rule root is defined a second");
  expect_refused("root ::= \"a", "\" at the end of a string");
  expect_refused("root ::= [a", "] at the end of a class");
  expect_refused("root ::= [z-a]", "ends before it begins");
  expect_refused("root ::= []", "no character");
  expect_refused("root ::= (\"a\"", "expected )");
  expect_refused("root ::= *", "something to repeat");
  expect_refused("root ::= \"a\"{3,2}", "at least 3 and at most 2");
  expect_refused("root ::= \"a\"{,2}", "expected a number, found ','");
  expect_refused("root ::= \"\\q\"", "an escape");
  expect_refused("root ::= \"\\uD800\"", "other than a surrogate");
  expect_refused("root ::= \"\\u12\"", "4 hexadecimal digits");
  expect_refused("root = \"a\"", "expected ::=");
  expect_refused("root ::= <think>", "tokens as symbols");
  expect_refused("root ::= \"\xff\"", "valid UTF-8, found byte 0xff");
  expect_refused("root ::= \"x\" root", "matches no finite text");
}

TEST(Gbnf, HostileSizesEndSoonInAnError) {
  const auto start = std::chrono::steady_clock::now();
  expect_refused("root ::= " + std::string(5000, '(') + "\"a\"" + std::string(5000, ')'),
                 "nested deeper than 200");
  expect_refused("root ::= \"a\"{1000000}{1000000}", "more than 1000000 states");
  expect_refused("root ::= ((\"a\"{0,1000}){0,1000}){0,1000}", "more than 1000000 states");
  expect_refused("root ::= \"a\"{99999999999}", "a number up to 1000000");
  expect_refused("root ::= \"a\"{0,1000001}", "a number up to 1000000");
  expect_refused(std::string(5 << 20, ' '), "more than");
  std::string chain = "root ::= r0\n";
  for (int i = 0; i < 20'000; ++i)
    chain += "r" + std::to_string(i) + " ::= r" + std::to_string(i + 1) + " | \"x\"\n";
  EXPECT_TRUE(compiled(chain + "r20000 ::= \"y\"")->matches("y"));
  EXPECT_TRUE(compiled("root ::= \"\"{1000000} \"a\"{0,100000}")->matches("aaa"));
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(60));
}

}  // namespace
}  // namespace whet::grammar
