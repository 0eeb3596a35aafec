#include "formats/python_json.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace whet {
namespace {

TEST(PythonJson, ConstantsBecomeObjectsThatJsonCanSay) {
  const auto json = nlohmann::json::parse(
      spell_out_constants(R"({"limit": [0.0, Infinity], "x": -Infinity, "y": NaN})"));
  EXPECT_EQ(json["limit"][1]["__float__"], "Infinity");
  EXPECT_EQ(json["x"]["__float__"], "-Infinity");
  EXPECT_EQ(json["y"]["__float__"], "NaN");
}

TEST(PythonJson, StringsStayAsTheyAre) {
  for (const char* text : {R"({"a": "NaN \" Infinity \\", "b": 1})", "", "\"", "\"\\", "{\"a\": 1"}) {
    EXPECT_EQ(spell_out_constants(text), text);
  }
}

}  // namespace
}  // namespace whet
