#include "jinja/number.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

namespace whet::jinja {
namespace {

TEST(Number, PrintsAsPython) {
  EXPECT_EQ(print_real(1), "1.0");
  EXPECT_EQ(print_real(-0.0), "-0.0");
  EXPECT_EQ(print_real(0.1 + 0.2), "0.30000000000000004");
  EXPECT_EQ(print_real(1e15), "1000000000000000.0");
  EXPECT_EQ(print_real(1e16), "1e+16");
  EXPECT_EQ(print_real(1.5e-5), "1.5e-05");
  EXPECT_EQ(print_real(0.00012), "0.00012");
  EXPECT_EQ(print_real(123456.789), "123456.789");
  EXPECT_EQ(print_real(1e-310), "1e-310");
  EXPECT_EQ(print_real(std::numeric_limits<double>::infinity()), "inf");
  EXPECT_EQ(print_real(std::nan("")), "nan");
}

TEST(Number, ReadsIntegersAsPython) {
  EXPECT_EQ(parse_integer(" -1_000 "), -1000);
  EXPECT_EQ(parse_integer("ff", 16), 255);
  EXPECT_EQ(parse_integer("0xff", 16), 255);
  EXPECT_EQ(parse_integer("0b11", 0), 3);
  EXPECT_EQ(parse_integer("-9223372036854775808"), std::numeric_limits<int64_t>::min());
  for (const auto* text :
       {"", "-", "1_", "_1", "1__0", "1.0", "0x1", "9223372036854775808", "1 2", "+-1", "--1"}) {
    EXPECT_FALSE(parse_integer(text).has_value()) << text;
  }
  EXPECT_FALSE(parse_integer("1", 1).has_value());
  EXPECT_FALSE(parse_integer("1", 37).has_value());
}

TEST(Number, ReadsRealsAsPython) {
  EXPECT_EQ(parse_real(" 1_0.5e-1 "), 1.05);
  EXPECT_EQ(parse_real("-.5"), -0.5);
  EXPECT_EQ(parse_real("1e400"), std::numeric_limits<double>::infinity());
  EXPECT_EQ(parse_real("1e-400"), 0.0);
  EXPECT_EQ(parse_real("-Infinity"), -std::numeric_limits<double>::infinity());
  for (const auto* text : {"", "0x10", "1e", "nan(1)", "--1", "1 2", "e5"}) {
    EXPECT_FALSE(parse_real(text).has_value()) << text;
  }
}

TEST(Number, RoundsHalfToEvenOnTheExactValue) {
  EXPECT_EQ(round_real(0.5, 0), 0);
  EXPECT_EQ(round_real(2.675, 2), 2.67);
  EXPECT_EQ(round_real(1250, -2), 1200);
  EXPECT_EQ(round_real(1e300, 400), 1e300);
  EXPECT_EQ(round_real(5, -400), 0);
}

}  // namespace
}  // namespace whet::jinja
