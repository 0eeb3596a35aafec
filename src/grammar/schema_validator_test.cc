#include "grammar/schema_validator.h"

#include <gtest/gtest.h>

#include "grammar/json_schema.h"

namespace whet::grammar {
namespace {

void expect_violation(std::string_view schema, std::string_view text, std::string_view value_at,
                      std::string_view schema_at, std::string_view message) {
  const auto found = validate_text(parse_json_schema(schema).value(), text);
  ASSERT_TRUE(found.ok()) << found.error().message();
  ASSERT_TRUE(found->has_value()) << schema << " and " << text;
  EXPECT_EQ((*found)->value_pointer, value_at) << schema << " and " << text;
  EXPECT_EQ((*found)->schema_pointer, schema_at) << schema << " and " << text;
  EXPECT_NE((*found)->message.find(message), std::string::npos) << (*found)->message;
}

void expect_valid(std::string_view schema, std::string_view text) {
  const auto found = validate_text(parse_json_schema(schema).value(), text);
  ASSERT_TRUE(found.ok()) << found.error().message();
  EXPECT_FALSE(found->has_value()) << schema << " and " << text << ": " << (*found)->message;
}

TEST(SchemaValidator, NamesThePlaceOfTheFirstViolation) {
  const char* schema = R"({"type":"object","properties":{"a/b":{"type":"array","items":
      {"$ref":"#/$defs/n"}}},"required":["a/b"],"$defs":{"n":{"type":"integer","minimum":2}}})";
  expect_valid(schema, R"({"a/b":[2,3],"other":1})");
  expect_violation(schema, R"({"a/b":[2,1]})", "/a~1b/1", "/$defs/n/minimum",
                   "expected at least 2, found 1");
  expect_violation(schema, R"({"a/b":["x"]})", "/a~1b/0", "/$defs/n/type",
                   "expected integer, found \"x\"");
  expect_violation(schema, "{}", "", "/required", "expected the property \"a/b\", found {}");
  expect_violation(schema, "[1", "", "", "not valid JSON");
}

TEST(SchemaValidator, KeywordsMeanWhatTheStandardSays) {
  expect_valid(R"({"type":"integer"})", "1.0");
  expect_violation(R"({"type":"integer"})", "1.5", "", "/type", "expected integer");
  expect_valid(R"({"minimum":3,"minLength":2})", "null");
  expect_valid(R"({"enum":[{"a":1,"b":2}]})", R"({"b":2,"a":1.0})");
  expect_violation(R"({"const":1})", "2", "", "/const", "expected 1");
  expect_violation(R"({"enum":[1,2]})", "3", "", "/enum", "one of the listed");
  expect_violation(R"({"maxLength":1})", R"("éé")", "", "/maxLength", "at most 1 characters");
  expect_valid(R"({"maxLength":2})", R"("é😀")");
  expect_violation(R"({"pattern":"^a$"})", R"("ba")", "", "/pattern", "a match of");
  expect_violation(R"({"format":"date"})", R"("2023-02-29")", "", "/format", "the format date");
  expect_valid(R"({"pattern":"a"})", R"("bab")");
  expect_violation(R"({"prefixItems":[{"type":"null"}],"items":{"type":"integer"}})", "[null,null]",
                   "/1", "/items/type", "expected integer");
  expect_violation(R"({"minItems":2})", "[1]", "", "/minItems", "at least 2 items");
  expect_violation(R"({"properties":{"a":{}},"additionalProperties":false})", R"({"a":1,"b":2})",
                   "/b", "/additionalProperties", "nothing here");
  expect_violation(R"({"additionalProperties":{"type":"null"}})", R"({"b":2})", "/b",
                   "/additionalProperties/type", "expected null");
  expect_violation(R"({"anyOf":[{"type":"null"},{"const":1}]})", "2", "", "/anyOf",
                   "one of the alternatives");
  expect_violation(R"({"oneOf":[{"minimum":1},{"maximum":5}]})", "3", "", "/oneOf",
                   "exactly one alternative admits, not 2");
  expect_valid(R"({"oneOf":[{"minimum":1},{"maximum":5}]})", "0");
  expect_violation(R"({"allOf":[{},{"type":"null"}]})", "2", "", "/allOf/1/type", "expected null");
  expect_violation(R"({"exclusiveMinimum":9007199254740993})", "9007199254740993", "",
                   "/exclusiveMinimum", "more than 9007199254740993");
  expect_valid(R"({"exclusiveMinimum":9007199254740992})", "9007199254740993");
  expect_violation("false", "1", "", "", "nothing here");
  expect_valid(R"({"type":"string","nullable":true})", "null");
}

TEST(SchemaValidator, WhatItCannotCheckIsAnError) {
  for (auto [schema, text] : {std::pair{R"({"not":{}})", "1"}, std::pair{R"({"$ref":"#"})", "1"},
                              std::pair{R"({"$ref":"#/nowhere"})", "1"},
                              std::pair{R"_({"pattern":"(?=a)"})_", R"("a")"}}) {
    EXPECT_FALSE(validate_text(parse_json_schema(schema).value(), text).ok()) << schema;
  }
}

TEST(SchemaValidator, DeepValuesAreViolationsAndNoOverflow) {
  const std::string deep = std::string(100'000, '[') + std::string(100'000, ']');
  expect_violation(R"({"items":{"$ref":"#"}})", deep, "", "", "nested deeper than 500");
  expect_valid(R"({"items":{"$ref":"#"}})", std::string(400, '[') + std::string(400, ']'));
}

}  // namespace
}  // namespace whet::grammar
