#include "eval/number.h"

#include <gtest/gtest.h>

namespace whet::eval {
namespace {

std::string parsed(std::string_view text) {
  const auto number = parse_number(text);
  return number ? to_string(*number) : "none";
}

TEST(Number, ReadsTheSpellingsOfOneValueAsOneValue) {
  const std::pair<const char*, const char*> rows[] = {
      {"42", "42"},
      {" 42. ", "42"},
      {"+42", "42"},
      {"042", "42"},
      {"42.0", "42"},
      {"$42", "42"},
      {"$42.00", "42"},
      {"-$42", "-42"},
      {"$-42", "-42"},
      {"42%", "42"},
      {"42\\%", "42"},
      {"$42$", "42"},
      {"**42**", "42"},
      {"`42`", "42"},
      {"1,234,567", "1234567"},
      {"1_234", "1234"},
      {"\xe2\x88\x92"
       "7",
       "-7"},
      {"-0", "0"},
      {".5", "1/2"},
      {"0.50", "1/2"},
      {"1/2", "1/2"},
      {"2/4", "1/2"},
      {"-1/2", "-1/2"},
      {"\\frac{1}{2}", "1/2"},
      {"8/10", "4/5"},
      {"0.1", "1/10"},
      {"1e3", "1000"},
      {"1.5E-2", "3/200"},
      {"0.3333", "3333/10000"},
      {"123456789012345678901234567890", "123456789012345678901234567890"},
  };
  for (const auto& [text, value] : rows) EXPECT_EQ(parsed(text), value) << text;
}

TEST(Number, RefusesWhatIsNotANumber) {
  for (const char* text :
       {"",     " ",    ".",          "-",     "$",
        "%",    "abc",  "12 apples",  "1 2",   "3+4",
        "1/0",  "1/",   "--3",        "1e",    "1.2.3",
        "0x10", "1,23", "\\frac{1}{", "1e999", "1234567890123456789012345678901234567"}) {
    EXPECT_EQ(parsed(text), "none") << text;
  }
}

TEST(Number, FindsNumbersInRunningText) {
  const auto found = [](std::string_view text) {
    std::string out;
    for (const NumberSpan& span : find_numbers(text)) {
      if (span.number) out += to_string(*span.number) + " ";
    }
    return out;
  };
  EXPECT_EQ(found("He has 3 apples and 1,200 pears."), "3 1200 ");
  EXPECT_EQ(found("10-3 is 7, but it is -3 below"), "10 3 7 -3 ");
  EXPECT_EQ(found("3, 5, 7"), "3 5 7 ");
  EXPECT_EQ(found("score 8/10."), "4/5 ");
  EXPECT_EQ(found("costs $4.50."), "9/2 ");
  EXPECT_EQ(found("no numbers here..."), "");
  EXPECT_EQ(found("99999999999999999999999999999999999999999 then 5"), "5 ");
  // The search for the next number did not move on here: found by tests/fuzz.
  EXPECT_EQ(found("x^.5"), "");
  EXPECT_EQ(found("d^.31RR = 7, cm^2 is 8"), "7 8 ");
}

}  // namespace
}  // namespace whet::eval
