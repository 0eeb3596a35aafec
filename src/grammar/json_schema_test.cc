#include "grammar/json_schema.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <chrono>
#include <fstream>
#include <sstream>
#include <thread>

#include "grammar/schema_keywords.h"
#include "grammar/schema_validator.h"
#include "grammar/string_format.h"

namespace whet::grammar {
namespace {

Result<std::shared_ptr<const Grammar>> compile(std::string_view text) {
  WHET_TRY(const Json schema, parse_json_schema(text));
  return json_schema_grammar(schema);
}

/// What the grammar matches must be valid; what it does not match may be.
void expect_language(std::string_view schema, const std::vector<std::string>& in,
                     const std::vector<std::string>& out) {
  const auto grammar = compile(schema);
  ASSERT_TRUE(grammar.ok()) << schema << ": " << grammar.error().message();
  const Json document = parse_json_schema(schema).value();
  for (const auto& text : in) {
    EXPECT_TRUE((*grammar)->matches(text)) << schema << " and " << text;
    const auto violation = validate_text(document, text);
    ASSERT_TRUE(violation.ok()) << violation.error().message();
    EXPECT_FALSE(violation->has_value())
        << schema << " and " << text << ": " << (*violation)->message;
  }
  for (const auto& text : out) EXPECT_FALSE((*grammar)->matches(text)) << schema << " and " << text;
}

void expect_refused(std::string_view schema, std::string_view part) {
  const auto grammar = compile(schema);
  ASSERT_FALSE(grammar.ok()) << schema;
  EXPECT_EQ(grammar.error().code(), ErrorCode::kInvalidArgument);
  EXPECT_NE(grammar.error().message().find(part), std::string::npos)
      << schema.substr(0, 200) << ": " << grammar.error().message();
}

TEST(JsonSchema, ObjectsKeepTheOrderOfTheirProperties) {
  expect_language(R"({"type":"object","properties":{"b":{"type":"integer"},"a":{"type":"null"},
                      "c":{"type":"boolean"}},"required":["a"]})",
                  {R"({"a":null})", R"({"b":1,"a":null})", R"({ "b": 1, "a": null, "c": true })",
                   "{\n  \"a\": null,\n  \"c\": false\n}"},
                  {"{}", R"({"a":null,"b":1})", R"({"a":null,"x":1})", R"({"a":null,})",
                   R"({,"a":null})", R"({"b":1})"});
  expect_language(R"({"type":"object","properties":{"a":{},"b":{}}})",
                  {"{}", R"({"a":1})", R"({"b":[]})", R"({"a":{"x":1},"b":"y"})"},
                  {R"({"b":1,"a":1})", R"({"c":1})"});
}

TEST(JsonSchema, OtherPropertiesAreThoseThatAreNotNamed) {
  expect_language(
      R"({"type":"object","properties":{"ab":{"type":"integer"},"é\n":{}},
                      "additionalProperties":{"type":"string"}})",
      {"{}", R"({"ab":1,"a":"x","abc":"y","":"","b":"é"})", R"({"é":"x"})", R"({"c\n\"":"x"})"},
      {R"({"a":1})", R"({"ab":1,"ab":"x"})", R"({"a":"x","ab":"x"})", R"({"\u0061b":"x"})",
       R"({"é\n":1,"é\n":"x"})"});
  expect_language(R"({"type":"object","required":["z"]})", {R"({"z":[1]})"}, {"{}"});
  expect_language(R"({"type":"object","additionalProperties":false})", {"{}", "{ }"},
                  {R"({"a":1})"});
  expect_language(R"({"type":"object","properties":{"a":false,"b":{"type":"null"}}})",
                  {"{}", R"({"b":null})"}, {R"({"a":1})"});
}

TEST(JsonSchema, Arrays) {
  expect_language(R"({"type":"array","items":{"type":"integer"},"minItems":2,"maxItems":3})",
                  {"[1,2]", "[ 1, 2, 3 ]"}, {"[]", "[1]", "[1,2,3,4]", "[1,\"a\"]", "[1,2,]"});
  expect_language(R"({"type":"array","maxItems":0})", {"[]"}, {"[1]"});
  expect_language(R"({"prefixItems":[{"type":"null"},{"type":"boolean"}],"items":{"type":"integer"},
                      "minItems":1,"maxItems":4})",
                  {"[null]", "[null,true]", "[null,true,1,2]"},
                  {"[]", "[true]", "[null,1]", "[null,true,1,2,3]"});
  expect_language(R"({"prefixItems":[{"type":"null"}],"items":false})", {"[]", "[null]"},
                  {"[null,null]"});
  expect_language(R"({"prefixItems":[{"type":"null"}],"minItems":2})", {"[null,5]"},
                  {"[null]", "[null,5,6]"});
  expect_language(R"({"type":"array"})", {"[]", R"([1,"a",{},[null]])"}, {"{}", "[,]"});
}

TEST(JsonSchema, Strings) {
  expect_language(R"({"type":"string","minLength":2,"maxLength":3})",
                  {R"("ab")", R"("é漢😀")", R"("\n\"")", R"("\ud83d\ude00x")"},
                  {R"("a")", R"("abcd")", "\"a\n\"", R"("\ud83dxx")", R"("\x1")"});
  expect_language(R"({"type":"string","pattern":"^[A-Z]{2}\\d+$"})", {R"("AB12")"},
                  {R"("AB")", R"("xAB12")", R"("AB12x")"});
  expect_language(R"({"type":"string","pattern":"b+"})", {R"("abbc")", R"("b")", R"("\"b\\")"},
                  {R"("ac")", R"("")"});
  expect_language(R"({"type":"string","pattern":"^.\\s\"$"})", {R"("\\\t\"")", R"("é \"")"},
                  {R"("a\u0009\"")", "\"a\t\\\"\""});
  expect_language(R"({"type":"string"})", {R"("")", R"("\u00e9\/")"}, {R"("\ud800")", "\"\xff\""});
}

TEST(JsonSchema, Formats) {
  expect_language(R"({"type":"string","format":"date"})", {R"("2024-02-29")", R"("2000-12-31")"},
                  {R"("2023-02-29")", R"("1900-02-29")", R"("2024-04-31")", R"("2024-13-01")"});
  expect_language(
      R"({"format":"date-time"})",
      {R"("2024-02-29T23:59:59.5Z")", R"("1999-01-01T00:00:00+14:00")"},
      {R"("2024-02-29 23:59:59Z")", R"("2024-02-29T24:00:00Z")", R"("2024-02-29T23:59:59")"});
  expect_language(R"({"format":"time"})", {R"("00:00:00Z")"}, {R"("0:00:00Z")"});
  expect_language(R"({"format":"uuid"})", {R"("123e4567-e89b-12d3-a456-426614174000")"},
                  {R"("123e4567e89b12d3a456426614174000")"});
  expect_language(R"({"format":"ipv4"})", {R"("255.0.10.199")"},
                  {R"("256.0.0.1")", R"("01.2.3.4")"});
  expect_language(R"({"format":"ipv6"})", {R"("::")", R"("2001:db8::1")", R"("1:2:3:4:5:6:7:8")"},
                  {R"("1:2:3")", R"("1::2::3")", R"("1:2:3:4:5:6:7:8:9")"});
  expect_language(R"({"format":"email"})", {R"("a.b@c.org")"}, {R"("a@b")", R"("@c.org")"});
  expect_language(R"({"format":"duration"})", {R"("P3Y6M4DT12H30M5S")", R"("PT36H")", R"("P2W")"},
                  {R"("P")", R"("PT")", R"("P1H")"});
  expect_language(R"({"format":"uri"})", {R"("https://a.org/b?c=%20#d")"}, {R"("a.org")"});
  expect_language(R"({"format":"hostname"})", {R"("a-b.example")"}, {R"("-a")", R"("a..b")"});
}

TEST(JsonSchema, EveryDateIsADate) {
  const auto grammar = compile(R"({"type":"string","format":"date"})").value();
  for (int y : {0, 1, 4, 100, 399, 400, 1900, 1996, 2000, 2023, 2024, 2100, 9999}) {
    for (unsigned m = 0; m <= 13; ++m) {
      for (unsigned d = 0; d <= 32; ++d) {
        const std::chrono::year_month_day date{std::chrono::year{y}, std::chrono::month{m},
                                               std::chrono::day{d}};
        char text[32];
        std::snprintf(text, sizeof text, "\"%04d-%02u-%02u\"", y, m, d);
        EXPECT_EQ(grammar->matches(text), date.ok()) << text;
      }
    }
  }
}

TEST(JsonSchema, IntegerBoundsAreExact) {
  for (auto [low, high] : std::vector<std::pair<int, int>>{{0, 0},
                                                           {0, 9},
                                                           {1, 10},
                                                           {-5, 5},
                                                           {-12, -3},
                                                           {95, 105},
                                                           {-1005, 99},
                                                           {7, 1234},
                                                           {-1, 0}}) {
    const auto schema = fmt::format(R"({{"type":"integer","minimum":{},"maximum":{}}})", low, high);
    const auto open = fmt::format(
        R"({{"type":"integer","exclusiveMinimum":{},"exclusiveMaximum":{}}})", low - 1, high + 1);
    const auto least = fmt::format(R"({{"type":"integer","minimum":{}}})", low);
    const auto most = fmt::format(R"({{"type":"integer","maximum":{}.5}})", high);
    const auto a = compile(schema).value(), b = compile(open).value(), c = compile(least).value(),
               d = compile(high >= 0 ? most : schema).value();
    for (int x = -1300; x <= 1300; ++x) {
      const std::string text = std::to_string(x);
      EXPECT_EQ(a->matches(text), x >= low && x <= high) << schema << text;
      EXPECT_EQ(b->matches(text), x >= low && x <= high) << open << text;
      EXPECT_EQ(c->matches(text), x >= low) << least << text;
      if (high >= 0) {
        EXPECT_EQ(d->matches(text), x <= high) << most << text;
      }
    }
    EXPECT_FALSE(a->matches("-0"));
    EXPECT_FALSE(a->matches("00"));
  }
  expect_language(
      R"({"type":"integer","maximum":18446744073709551615,"minimum":18446744073709551610})",
      {"18446744073709551615", "18446744073709551610"},
      {"18446744073709551616", "18446744073709551609"});
  expect_language(R"({"type":"integer"})", {"0", "-7", "123456789012345678"},
                  {"01", "1.0", "-", "+1"});
}

TEST(JsonSchema, NumberBounds) {
  expect_language(R"({"type":"number","minimum":0,"maximum":1})", {"0", "1", "0.5", "1.0", "0.0"},
                  {"-0.1", "1.01", "2", "1e0", "0.", ".5"});
  expect_language(R"({"type":"number","exclusiveMinimum":0,"exclusiveMaximum":1})",
                  {"0.5", "0.001", "0.99"}, {"0", "1", "0.0", "1.0"});
  expect_language(R"({"type":"number","minimum":-2.25,"exclusiveMaximum":10.5})",
                  {"-2.25", "-2.2", "-0.5", "0", "10.49", "9", "-2.250"},
                  {"-2.26", "-3", "10.5", "10.51", "11"});
  expect_language(R"({"type":"number","minimum":1e3})", {"1000", "1000.5", "99999"}, {"999.9"});
  expect_language(R"({"type":"number","maximum":-0.001})", {"-0.001", "-1", "-5.5"},
                  {"0", "-0.0009", "-0"});
  expect_language(R"({"type":"number"})", {"1e-5", "-0.5E+10", "0"}, {"1e999", "1.", "NaN"});
  expect_language(R"({"minimum":3,"exclusiveMinimum":3,"type":"integer"})", {"4"}, {"3"});
}

TEST(JsonSchema, ListedValues) {
  expect_language(R"({"enum":["a",1,null,{"x":[1,"é"]}]})",
                  {R"("a")", "1", "null", R"({"x":[1,"é"]})", R"({ "x": [ 1, "é" ] })"},
                  {R"("b")", "2", R"({"x":[1]})"});
  expect_language(R"({"const":"a\"b"})", {R"("a\"b")"}, {R"("a")"});
  expect_language(
      R"({"enum":["a","bc",3,10],"type":["integer","string"],"maxLength":1,"minimum":5})",
      {R"("a")", "10"}, {R"("bc")", "3"});
}

TEST(JsonSchema, TypesAlternativesAndReferences) {
  expect_language(R"({"type":["string","null"],"maxLength":1})", {"null", R"("a")"}, {R"("ab")"});
  expect_language(R"({"type":"integer","nullable":true})", {"null", "5"}, {R"("a")"});
  expect_language("true", {"1", "[]", R"({"a":{}})"}, {"", "x"});
  expect_language(R"({"anyOf":[{"type":"integer"},{"type":"array","items":{"$ref":"#"}}]})",
                  {"1", "[]", "[1,[2,[]]]"}, {"[null]"});
  expect_language(R"({"$ref":"#/$defs/node","$defs":{"node":{"type":"object","properties":{
                      "value":{"type":"integer"},"next":{"anyOf":[{"$ref":"#/$defs/node"},
                      {"type":"null"}]}},"required":["value","next"],"additionalProperties":false}}})",
                  {R"({"value":1,"next":{"value":2,"next":null}})"}, {R"({"value":1})"});
  expect_language(R"({"definitions":{"a/b~c d":{"const":1}},"$ref":"#/definitions/a~1b~0c%20d"})",
                  {"1"}, {"2"});
  expect_language(R"({"oneOf":[{"type":"integer","maximum":3},{"type":"string"}]})",
                  {"3", R"("x")"}, {"4"});
}

TEST(JsonSchema, SchemasThatHoldTogether) {
  expect_language(
      R"({"allOf":[{"type":"object","properties":{"a":{"type":"integer"}},"required":["a"]},
                      {"properties":{"b":{"type":"string"},"a":{"minimum":3}}}]})",
      {R"({"a":3})", R"({"a":5,"b":"x"})"}, {R"({"a":2})", R"({"b":"x"})"});
  expect_language(R"({"type":"object","properties":{"a":{"type":"null"},"b":{"type":"null"}},
                      "anyOf":[{"required":["a"]},{"required":["b"]}]})",
                  {R"({"a":null})", R"({"b":null})", R"({"a":null,"b":null})"}, {"{}"});
  expect_language(
      R"({"$ref":"#/$defs/s","maxLength":2,"$defs":{"s":{"type":"string","minLength":1}}})",
      {R"("a")", R"("ab")"}, {R"("")", R"("abc")"});
  expect_language(R"({"allOf":[{"properties":{"a":{"type":"null"}},"additionalProperties":false},
                      {"type":"object","properties":{"b":{"type":"null"}}}]})",
                  {"{}", R"({"a":null})"}, {R"({"b":null})"});
  expect_language(R"({"type":"integer","maximum":4,"anyOf":[{"minimum":5},{"minimum":2}]})",
                  {"2", "4"}, {"5", "1"});
  expect_language(R"({"type":["integer","string"],"allOf":[{"type":["number","null"]}]})", {"1"},
                  {R"("a")", "null", "1.5"});
}

TEST(JsonSchema, UnsupportedKeywordsAreNamedWithTheirPlace) {
  for (const char* keyword : {"not",
                              "if",
                              "then",
                              "else",
                              "patternProperties",
                              "propertyNames",
                              "dependentRequired",
                              "dependentSchemas",
                              "uniqueItems",
                              "contains",
                              "minContains",
                              "multipleOf",
                              "minProperties",
                              "maxProperties",
                              "unevaluatedProperties",
                              "unevaluatedItems",
                              "additionalItems",
                              "$anchor",
                              "$dynamicRef",
                              "contentMediaType",
                              "discriminator",
                              "tpye"}) {
    expect_refused(
        fmt::format(R"({{"type":"object","properties":{{"a/b":{{"{}":1}}}}}})", keyword),
        fmt::format("#/properties/a~1b/{}: the keyword \"{}\" is not supported", keyword, keyword));
  }
  expect_refused(R"({"type":"hiccup"})", "#/type: expected null, boolean");
  expect_refused(R"({"type":"string","format":"iri"})", "#/format: the format \"iri\"");
  expect_refused(R"({"type":"array","items":[{}]})", "#/items: expected a schema");
  expect_refused(R"({"type":"integer","minimum":"3"})", "#/minimum: expected a number");
  expect_refused(R"({"minLength":-1})", "#/minLength: expected a whole number");
  expect_refused(R"({"minLength":99999999999})", "#/minLength: expected a whole number");
  expect_refused(R"({"exclusiveMinimum":true})", "#/exclusiveMinimum: expected a number");
  expect_refused(R"({"required":"a"})", "#/required: expected a list of strings");
  expect_refused(R"({"anyOf":[]})", "#/anyOf: expected a list of at least one schema");
  expect_refused(R"({"enum":[]})", "#/enum: expected a list of at least one value");
  expect_refused("123", "expected a schema (an object, true or false), found 123");
  expect_refused(R"_({"pattern":"(?=a)"})_", "#/pattern: pattern, line 1, column 1: lookaround");
  expect_refused(R"({"pattern":"a","maxLength":3})", "pattern and minLength or maxLength cannot");
  expect_refused(R"({"nullable":true})", "nullable has a meaning only beside type");
  expect_refused(R"({"$ref":"http://x.org/y"})", "not in this document");
  expect_refused(R"({"$ref":"#/$defs/a"})", "leads nowhere");
  expect_refused(R"({"$ref":"#a"})", "leads nowhere");
  expect_refused(R"({"a":1,"a":2})", "the key \"a\" stands twice");
  expect_refused("{", "not valid JSON at byte");
}

TEST(JsonSchema, ContradictionsAreErrors) {
  expect_refused("false", "no value satisfies");
  expect_refused(R"({"type":"array","minItems":3,"maxItems":2})", "minItems 3 is above maxItems 2");
  expect_refused(R"({"type":"array","items":false,"minItems":1})", "only 0 items");
  expect_refused(R"({"type":"string","minLength":3,"maxLength":2})", "minLength 3 is above");
  expect_refused(R"({"type":"integer","minimum":3,"maximum":2})", "no integer lies between");
  expect_refused(R"({"type":"integer","minimum":0.2,"maximum":0.8})", "no integer lies between");
  expect_refused(R"({"type":"number","exclusiveMinimum":1,"maximum":1})", "no number lies between");
  expect_refused(R"({"type":"object","required":["a"],"additionalProperties":false})",
                 "\"a\" is required, and additionalProperties is false");
  expect_refused(R"({"type":"object","properties":{"a":false},"required":["a"]})", "no value");
  expect_refused(R"({"enum":["a"],"type":"integer"})", "exclude every value");
  expect_refused(R"({"allOf":[{"type":"string"},{"type":"integer"}]})", "exclude each other");
  expect_refused(R"({"const":1,"enum":[2]})", "exclude every value");
  expect_refused(R"({"type":"object","properties":{"a":{"$ref":"#"}},"required":["a"]})",
                 "matches no finite text");
  expect_refused(R"({"$ref":"#"})", "matches no finite text");
  expect_refused(R"({"anyOf":[{"$ref":"#/$defs/a"},{"type":"null"}],
                     "$defs":{"a":{"anyOf":[{"$ref":"#"},{"type":"null"}]}}})",
                 "left recursion");
  expect_refused(
      R"({"$defs":{"a":{"allOf":[{"$ref":"#/$defs/a"},{"type":"null"}]}},"$ref":"#/$defs/a"})",
      "more than 40 schemas inside one another");
}

TEST(JsonSchema, HostileSizesEndSoonInAnError) {
  const auto start = std::chrono::steady_clock::now();
  std::string deep, deep_end;
  for (int i = 0; i < 5000; ++i) {
    deep += R"({"type":"array","items":)";
    deep_end += "}";
  }
  expect_refused(deep + "{}" + deep_end, "nested deeper than");
  expect_refused(std::string(100'000, '['), "nested deeper than");
  expect_refused(R"({"enum":[)" + std::string(240, '[') + std::string(240, ']') + "]}",
                 "nested deeper than");
  std::string twice = R"({"$defs":{"a0":{"type":"null"})";
  for (int i = 1; i < 15; ++i) {
    twice += fmt::format(R"(,"a{0}":{{"anyOf":[{{"$ref":"#/$defs/a{1}"}},{{"$ref":"#/$defs/a{1}"}}],
                         "type":"null"}})",
                         i, i - 1);
  }
  expect_refused(twice + R"(},"$ref":"#/$defs/a14"})", "combinations of alternatives");
  expect_refused(R"({"type":"string","pattern":"((a{1000}){1000}){1000}"})",
                 "more than 1000000 states");
  expect_refused(
      R"({"type":"array","items":{"type":"array","items":{"type":"string","maxLength":1000000},
                     "maxItems":1000000},"maxItems":1000000})",
      "more than 1000000 states");
  std::string wide = R"({"type":"object","properties":{"p0":{})";
  for (int i = 1; i < 5000; ++i) wide += fmt::format(R"(,"p{}":{{"type":"integer"}})", i);
  const auto grammar = compile(wide + R"(},"additionalProperties":true})");
  ASSERT_TRUE(grammar.ok()) << grammar.error().message();
  EXPECT_TRUE((*grammar)->matches(R"({"p17":4,"p4999":3,"p5000":null})"));
  EXPECT_FALSE((*grammar)->matches(R"({"p17":4,"p4999":null})"));
  expect_refused("\"" + std::string(2 << 20, 'a') + "\"", "bytes, more than");
  std::thread([] { EXPECT_FALSE(compile(std::string(200'000, '{')).ok()); }).join();
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(60));
}

TEST(JsonSchema, AnyObject) {
  const auto grammar = json_object_grammar();
  EXPECT_TRUE(grammar->matches(R"({"a": [1, 2.5e3, "x\n", null, {"b": true}], "": {}})"));
  EXPECT_TRUE(grammar->matches("{}"));
  EXPECT_FALSE(grammar->matches("[]"));
  EXPECT_FALSE(grammar->matches(R"({"a"})"));
  const std::string deep(20'000, '[');
  EXPECT_TRUE(grammar->matches("{\"a\":" + deep + std::string(20'000, ']') + "}"));
}

/// Names in backquotes in the rows of a table of docs/grammar.md.
std::vector<std::string> documented(std::string_view heading) {
  std::ifstream file(WHET_SOURCE_DIR "/docs/grammar.md");
  std::stringstream text;
  text << file.rdbuf();
  const std::string all = text.str();
  const size_t begin = all.find(heading);
  if (begin == all.npos) return {};
  const std::string section = all.substr(begin, all.find("\n## ", begin + 1) - begin);
  std::vector<std::string> names;
  std::istringstream lines(section);
  for (std::string line; std::getline(lines, line);) {
    if (!line.starts_with("| `")) continue;
    const std::string cell = line.substr(0, line.find('|', 1));
    for (size_t at = 0; (at = cell.find('`', at)) != cell.npos;) {
      const size_t end = cell.find('`', at + 1);
      names.push_back(cell.substr(at + 1, end - at - 1));
      at = end + 1;
    }
  }
  std::sort(names.begin(), names.end());
  return names;
}

TEST(JsonSchema, TheDocumentListsTheKeywordsAndFormats) {
  auto sorted = [](std::vector<std::string> names) {
    std::sort(names.begin(), names.end());
    return names;
  };
  auto keywords = constraining_keywords();
  const auto& describing = describing_keywords();
  keywords.insert(keywords.end(), describing.begin(), describing.end());
  EXPECT_EQ(documented("## JSON schema"), sorted(keywords));
  EXPECT_EQ(documented("## Formats"), sorted(supported_formats()));
}

}  // namespace
}  // namespace whet::grammar
