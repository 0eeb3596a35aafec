#include "report/text.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "report/markup.h"

namespace whet::report {
namespace {

stats::Estimate estimate(double value, double low, double high) {
  stats::Estimate e;
  e.value = value;
  e.interval = stats::Interval{low, high};
  return e;
}

TEST(Text, NumbersReadTheSameEverywhere) {
  EXPECT_EQ(format_accuracy(estimate(0.714, 0.62, 0.788)), "0.71 [0.62, 0.79]");
  EXPECT_EQ(format_difference(estimate(-0.09, -0.151, 0.001)), "−0.090 [−0.151, +0.001]");
  EXPECT_EQ(format_difference(estimate(0.09, 0.03, 0.15)), "+0.09 [+0.03, +0.15]");
  EXPECT_EQ(format_ratio(estimate(4.8, 4.2, 5.5), true), "4.80× [4.20, 5.50]");
  EXPECT_EQ(format_ratio(estimate(123.4, 100, 150), false), "123×");
  EXPECT_EQ(format_number(0.1234), "0.123");
  EXPECT_EQ(format_number(9.999), "10.0");
  EXPECT_EQ(format_number(1234.5), "1234");
  EXPECT_EQ(format_number(0.0), "0");
  EXPECT_EQ(format_duration_s(200), "3 min 20 s");
  EXPECT_EQ(format_duration_s(7510), "2 h 05 min");
  EXPECT_EQ(format_bytes(1395864371), "1.30 GiB");
  EXPECT_EQ(format_bytes(1048575), "1.00 MiB");
  EXPECT_EQ(format_bytes(512), "512 B");
  EXPECT_EQ(format_count(1234567), "1,234,567");
  EXPECT_EQ(format_count(-123456), "-123,456");
  EXPECT_EQ(format_count(999), "999");
}

TEST(Text, MissingIsAnEnDash) {
  EXPECT_EQ(format_accuracy(std::nullopt), "–");
  EXPECT_EQ(format_difference(std::nullopt), "–");
  EXPECT_EQ(format_ratio(std::nullopt, true), "–");
  EXPECT_EQ(format_number(std::nullopt), "–");
  EXPECT_EQ(format_number(std::nan("")), "–");
  EXPECT_EQ(format_duration_s(std::numeric_limits<double>::infinity()), "–");
  EXPECT_EQ(format_bytes(std::nullopt), "–");
  EXPECT_EQ(format_count(std::nullopt), "–");
  stats::Estimate no_interval;
  no_interval.value = 0.5;
  EXPECT_EQ(format_accuracy(no_interval), "0.50");
}

TEST(Text, ControlCharactersAndInvalidBytesAreTamed) {
  EXPECT_EQ(one_line("a\nb\x1b[31mc"), "a b [31mc");
  EXPECT_EQ(one_line("x\u202Ey\u009Bz"), "x y z");  // bidi override, C1 CSI
  EXPECT_EQ(one_line("ok\xff\xfe!"), "ok\uFFFD\uFFFD!");
  EXPECT_EQ(printable("a\n\tb\x07"), "a\n\tb ");
}

TEST(Text, WidthCountsColumnsNotBytes) {
  EXPECT_EQ(display_width("数え"), 4);
  EXPECT_EQ(display_width("e\u0301"), 1);
  EXPECT_EQ(truncate("数えて", 5), "数え…");
  EXPECT_EQ(truncate("abc", 3), "abc");
  EXPECT_EQ(truncate("abcd", 3), "ab…");
  EXPECT_EQ(truncate_name("abc", 3), "abc");
  EXPECT_EQ(truncate_name("model=x-q4.gguf", 9), "mode…gguf");
  EXPECT_EQ(truncate_name("数えて数えて", 8), "数え…て");
  EXPECT_EQ(truncate_name("abcd", 1), "…");
  EXPECT_EQ(pad_left("数", 4), "  数");
  EXPECT_EQ(pad_right("é", 3), "é  ");
}

TEST(Text, NamesThatWouldComeOutAlikeShowWhatTheyDifferIn) {
  const std::vector<std::string> names = {
      "baseline", "majority-voting:n=2,temperature=run", "majority-voting:n=4,temperature=run",
      "majority-voting:n=4,batch=1,temperature=run", "best-of-n:temperature=run"};
  EXPECT_EQ(truncate_names(names, 21),
            (std::vector<std::string>{"baseline", "majori…n=2,temperatu…", "majori…n=4,temperatu…",
                                      "majori…n=4,batch=1,t…", "best-of-n:…rature=run"}));
  EXPECT_EQ(truncate_names({"same-name-of-two", "same-name-of-two"}, 9),
            (std::vector<std::string>{"same…-two", "same…-two"}));
  EXPECT_EQ(truncate_names({"qwen-one-model-0.5b-q4.gguf", "qwen-one-model-1.5b-q4.gguf"}, 13),
            (std::vector<std::string>{"qwen-o…0.5b-…", "qwen-o…1.5b-…"}));
  EXPECT_EQ(truncate_names({"ééééééééééaéééééééééé", "éééééééééébéééééééééé"}, 13),
            (std::vector<std::string>{"éééééé…aéééé…", "éééééé…béééé…"}));
  EXPECT_EQ(truncate_names({}, 9).size(), 0u);
}

TEST(Text, ShellQuoting) {
  EXPECT_EQ(shell_quote("model-1.gguf"), "model-1.gguf");
  EXPECT_EQ(shell_quote("it's $HOME"), "'it'\\''s $HOME'");
  EXPECT_EQ(shell_quote(""), "''");
}

TEST(Text, HtmlEscapes) {
  EXPECT_EQ(escape_html("<b a=\"x\" b='y'>&\x01"), "&lt;b a=&quot;x&quot; b=&#39;y&#39;&gt;&amp; ");
}

}  // namespace
}  // namespace whet::report
