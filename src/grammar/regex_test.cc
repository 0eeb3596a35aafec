#include "grammar/regex.h"

#include <gtest/gtest.h>

#include <regex>
#include <string>

#include "base/rng.h"

namespace whet::grammar {
namespace {

void expect_language(std::string_view pattern, const std::vector<std::string>& in,
                     const std::vector<std::string>& out) {
  const auto grammar = regex_grammar(pattern);
  ASSERT_TRUE(grammar.ok()) << pattern << ": " << grammar.error().message();
  for (const auto& s : in) EXPECT_TRUE((*grammar)->matches(s)) << pattern << " and " << s;
  for (const auto& s : out) EXPECT_FALSE((*grammar)->matches(s)) << pattern << " and " << s;
}

TEST(Regex, MatchesTheWholeText) {
  expect_language("^\\d{3}-\\d{4}$", {"555-1234"}, {"555-123", "x555-1234"});
  expect_language("a|bc*", {"a", "b", "bccc"}, {"ac", ""});
  expect_language("(?:ab)+?(?<name>c)?", {"ab", "ababc"}, {"c", ""});
  expect_language("[^\\s\"]+", {"aé漢"}, {"a b", "\xC2\xA0"});
  expect_language("\\u00e9\\x41\\.", {"éA."}, {"éAx"});
  expect_language(".", {"a", "é"}, {"\n", ""});
  expect_language("[\\w.+-]+@[\\w-]+\\.[a-z]{2,}", {"a.b+c@d-e.org"}, {"a@b", "@b.org"});
  expect_language("", {""}, {"a"});
}

TEST(Regex, WhatIsNotRegularIsRefusedByName) {
  for (auto [pattern, part] : std::vector<std::pair<std::string, std::string>>{
           {"(a)\\1", "back reference \\1"},
           {"a(?=b)", "lookaround (?="},
           {"(?<!a)b", "lookaround (?<!"},
           {"\\bword\\b", "word boundary \\b"},
           {"\\p{L}", "property \\p"},
           {"(?i)a", "group (?i"},
           {"a++", "possessive"},
           {"a{2}{3}", "repetition of a repetition"},
           {"(^a)", "^ is supported only at the start"},
           {"a$b", "$ is supported only at the end"},
           {"a{3,1}", "at least 3 and at most 1"},
           {"*a", "something to repeat"},
           {"(a", "expected )"},
           {"a)", "the end of the pattern"},
           {"[b-a]", "ends before it begins"},
           {"[\\d-z]", "one character on each side"},
           {"[a", "] at the end"},
           {"a\\", "a character after \\"},
           {"\\k", "escape \\k"},
           {"x{", "a number"},
           {std::string(5000, '(') + std::string(5000, ')'), "nested deeper than 200"}}) {
    const auto grammar = regex_grammar(pattern);
    ASSERT_FALSE(grammar.ok()) << pattern;
    EXPECT_NE(grammar.error().message().find(part), std::string::npos)
        << pattern << ": " << grammar.error().message();
  }
}

/// A random pattern over few letters, so that random texts often match.
std::string random_pattern(const CounterRng& rng, uint64_t& draw, int depth) {
  auto below = [&](uint64_t n) { return rng.bits(draw++) % n; };
  std::string pattern;
  for (uint64_t i = 0, n = 1 + below(3); i < n; ++i) {
    switch (depth > 0 ? below(6) : below(3)) {
      case 0:
        pattern += "ab0"[below(3)];
        break;
      case 1:
        pattern += "[a-b]";
        break;
      case 2:
        pattern += below(2) == 0 ? "\\d" : "[^b]";
        break;
      default:
        pattern += "(" + random_pattern(rng, draw, depth - 1) + "|" +
                   random_pattern(rng, draw, depth - 1) + ")";
    }
    const char* repetitions[] = {"*", "+", "?", "{2}", "{1,2}", "", "", ""};
    pattern += repetitions[below(8)];
  }
  return pattern;
}

TEST(Regex, AgreesWithTheStandardLibraryOnRandomPatterns) {
  const CounterRng rng(3, 4);
  uint64_t draw = 0;
  int n_matches = 0;
  for (int round = 0; round < 500; ++round) {
    const std::string pattern = random_pattern(rng, draw, 1);
    const std::regex reference(pattern);
    for (bool search : {false, true}) {
      RuleSet rules;
      RegexOptions options;
      options.search = search;
      const auto root = add_regex(rules, pattern, options);
      ASSERT_TRUE(root.ok()) << pattern << ": " << root.error().message();
      const auto grammar = Grammar::compile(rules, *root);
      ASSERT_TRUE(grammar.ok()) << pattern << ": " << grammar.error().message();
      for (int i = 0; i < 40; ++i) {
        std::string text;
        for (uint64_t n = rng.bits(draw++) % 7; n > 0; --n) text += "ab01"[rng.bits(draw++) % 4];
        const bool expected =
            search ? std::regex_search(text, reference) : std::regex_match(text, reference);
        n_matches += expected ? 1 : 0;
        EXPECT_EQ((*grammar)->matches(text), expected) << pattern << " and " << text;
      }
    }
  }
  EXPECT_GT(n_matches, 1000);
}

}  // namespace
}  // namespace whet::grammar
