#include "grammar/tool_call.h"

#include <gtest/gtest.h>

namespace whet::grammar {
namespace {

std::vector<Tool> weather_and_time() {
  return {{"get_weather", Json::parse(R"({"type":"object","properties":{"city":{"type":"string"}},
                                          "required":["city"]})")},
          {"now", Json::parse(R"({"type":"object","properties":{}})")}};
}

const std::string kWeather =
    "<tool_call>\n{\"name\": \"get_weather\", \"arguments\": {\"city\": \"Oslo\"}}\n</tool_call>";
const std::string kNow = "<tool_call>\n{\"name\": \"now\", \"arguments\": {}}\n</tool_call>";

TEST(ToolCall, RequiredCallsAreAllThereIs) {
  const auto grammar = tool_call_grammar(weather_and_time());
  ASSERT_TRUE(grammar.ok()) << grammar.error().message();
  EXPECT_TRUE((*grammar)->matches(kWeather));
  EXPECT_TRUE((*grammar)->matches(kWeather + "\n" + kNow));
  EXPECT_FALSE((*grammar)->matches(""));
  EXPECT_FALSE((*grammar)->matches("Hi! " + kNow));
  EXPECT_FALSE((*grammar)->matches(
      "<tool_call>\n{\"name\": \"now\", \"arguments\": {\"city\": \"Oslo\"}}\n</tool_call>"));
  ToolCallOptions one;
  one.parallel = false;
  EXPECT_FALSE((*tool_call_grammar(weather_and_time(), one))->matches(kNow + "\n" + kNow));
}

TEST(ToolCall, AutomaticCallsStandInFreeText) {
  ToolCallOptions options;
  options.choice = ToolChoice::kAuto;
  const auto grammar = tool_call_grammar(weather_and_time(), options);
  ASSERT_TRUE(grammar.ok()) << grammar.error().message();
  EXPECT_TRUE((*grammar)->matches(""));
  EXPECT_TRUE((*grammar)->matches("Just text, even <tool_cal> or \xff."));
  EXPECT_TRUE((*grammar)->matches("Let me see. " + kWeather + " and " + kNow));
  EXPECT_FALSE((*grammar)->matches_prefix("<tool_call> "));
  EXPECT_FALSE((*grammar)->matches_prefix("<tool_call>\n{\"name\": \"nope"));
  options.parallel = false;
  EXPECT_TRUE((*tool_call_grammar(weather_and_time(), options))->matches("a " + kNow + " b"));
  EXPECT_FALSE((*tool_call_grammar(weather_and_time(), options))->matches(kNow + kNow));
}

TEST(ToolCall, ErrorsNameTheTool) {
  auto message = [](const std::vector<Tool>& tools) {
    const auto grammar = tool_call_grammar(tools);
    return grammar.ok() ? std::string("accepted") : grammar.error().message();
  };
  EXPECT_EQ(message({}), "tools: expected at least one, found none");
  EXPECT_EQ(message({{"a", true}, {"a", true}}), "tools: two are named \"a\"");
  EXPECT_EQ(message({{"a b", true}}),
            "tools: the name \"a b\" is not 1 to 128 letters, digits, _ . and -");
  EXPECT_EQ(message({{"a", Json{{"not", true}}}}),
            "tool a: JSON schema, #/not: the keyword \"not\" is not supported");
}

}  // namespace
}  // namespace whet::grammar
