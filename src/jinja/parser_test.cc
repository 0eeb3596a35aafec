#include "jinja/parser.h"

#include <gtest/gtest.h>

#include "jinja/lexer.h"

namespace whet::jinja {
namespace {

std::string parse_error(std::string_view source) {
  const auto parsed = parse(source);
  return parsed.ok() ? "parsed" : parsed.error().message();
}

TEST(Parser, ErrorsSayWhereWhatWasExpectedAndFound) {
  EXPECT_EQ(parse_error("{{ 1 + }}"), "line 1, column 8: expected an expression, found '}}'");
  EXPECT_EQ(parse_error("a\n  {% for x nums %}{% endfor %}"),
            "line 2, column 12: expected 'in', found 'nums'");
  EXPECT_EQ(
      parse_error("é {% if x %}"),
      "line 1, column 13: expected 'endif' for the 'if' before, found the end of the template");
  EXPECT_EQ(parse_error("\r\n{{ (1 ]"), "line 2, column 7: expected ')', found ']'");
  EXPECT_EQ(parse_error("{{ 'abc"), "line 1, column 4: string without an end");
  EXPECT_EQ(parse_error("{{ a ? b }}"), "line 1, column 6: unexpected character '?'");
  EXPECT_EQ(parse_error("{{ a § b }}"), "line 1, column 6: unexpected character '§'");
  EXPECT_EQ(parse_error("{% endfor %}"), "line 1, column 4: unexpected tag 'endfor'");
  EXPECT_EQ(parse_error("{# a"), "line 1, column 1: expected '#}' to end the comment");
  EXPECT_EQ(parse_error("{{ a"), "line 1, column 3: expected '}}' to end this tag");
  EXPECT_EQ(parse_error("{{ 99999999999999999999 }}"),
            "line 1, column 4: the number does not fit an int of 64 bits");
  for (const auto* source : {"{{ a", "{% for %}", "{{ x is }}"}) {
    EXPECT_EQ(parse(source).error().code(), ErrorCode::kInvalidModel) << source;
  }
}

TEST(Parser, RefusesWhatItDoesNotSupportByName) {
  EXPECT_EQ(parse_error("{% include 'a' %}"),
            "line 1, column 4: the tag 'include' is not supported");
  EXPECT_EQ(parse_error("{% block a %}{% endblock %}"),
            "line 1, column 4: the tag 'block' is not supported");
  EXPECT_EQ(parse_error("{% for x in y recursive %}{% endfor %}"),
            "line 1, column 15: recursive loops are not supported");
  EXPECT_EQ(parse_error("{{ '\\N{BULLET}' }}"),
            "line 1, column 4: \\N{...} escapes are not supported");
}

std::string repeated(std::string_view piece, size_t n) {
  std::string out;
  for (size_t i = 0; i < n; ++i) out += piece;
  return out;
}

TEST(Parser, DeepNestingIsAnErrorNotAStackOverflow) {
  const size_t n = 100'000;
  for (const auto* piece : {"(", "[", "{1:", "-", "not ", "a(", "a[", "x if ", "1 if y else ",
                            "a|f(", "a is b(", "(-", "[(", "+"}) {
    EXPECT_FALSE(parse("{{ " + repeated(piece, n)).ok()) << piece;
    EXPECT_FALSE(parse("{% set x = " + repeated(piece, n)).ok()) << piece;
  }
  for (const auto* piece :
       {"{% if x %}", "{% for x in y %}", "{% macro m() %}", "{% set a %}", "{% filter upper %}",
        "{% call m() %}", "{% with %}", "{% generation %}", "{% if x %}{% else %}"}) {
    EXPECT_FALSE(parse(repeated(piece, n)).ok()) << piece;
  }
  EXPECT_FALSE(parse("{% for " + repeated("(", n)).ok());
  EXPECT_TRUE(parse("{{ " + repeated("(", 90) + "1" + repeated(")", 90) + " }}").ok());
}

TEST(Parser, LongChainsAreBoundedToo) {
  for (const auto* piece :
       {"+a", "*a", "**a", " or a", " and a", ".b", "[0]", "()", "|f", " is b or a"}) {
    EXPECT_FALSE(parse("{{ a" + repeated(piece, 20'000) + " }}").ok()) << piece;
    EXPECT_TRUE(parse("{{ a" + repeated(piece, 100) + " }}").ok()) << piece;
  }
  // These are flat, so their length does not matter.
  EXPECT_TRUE(parse("{{ a" + repeated("~a", 100'000) + " }}").ok());
  EXPECT_TRUE(parse("{{ a" + repeated("<a", 100'000) + " }}").ok());
  EXPECT_TRUE(parse("{{ [" + repeated("1,", 100'000) + "] }}").ok());
  EXPECT_TRUE(parse("{{ " + repeated("'a'", 100'000) + " }}").ok());
  EXPECT_TRUE(parse("{% if x %}" + repeated("{% elif x %}", 50'000) + "{% endif %}").ok());
}

TEST(Parser, RefusesAnEnormousSource) {
  EXPECT_TRUE(parse(std::string(kMaxSourceBytes, 'a')).ok());
  EXPECT_FALSE(parse(std::string(kMaxSourceBytes + 1, 'a')).ok());
}

TEST(Lexer, InvalidUtf8PassesThrough) {
  const auto tokens = tokenize("a\xff{{ '\xc3' }}\x80");
  ASSERT_TRUE(tokens.ok());
  EXPECT_EQ(tokens->front().text, "a\xff");
  EXPECT_EQ((*tokens)[2].text, "\xc3");
  EXPECT_EQ((*tokens)[4].text, "\x80");
}

}  // namespace
}  // namespace whet::jinja
