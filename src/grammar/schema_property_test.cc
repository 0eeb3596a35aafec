// Random schemas: what their grammars write is valid, and valid values can be written.
#include <gtest/gtest.h>

#include "base/rng.h"
#include "grammar/automaton.h"
#include "grammar/json_schema.h"
#include "grammar/schema_validator.h"

namespace whet::grammar {
namespace {

class Random {
 public:
  explicit Random(uint64_t seed) : rng_(seed, 9) {}
  uint64_t below(uint64_t n) { return rng_.bits(draw_++) % n; }
  bool one_in(uint64_t n) { return below(n) == 0; }

 private:
  CounterRng rng_;
  uint64_t draw_ = 0;
};

const std::vector<std::string> kNames{"a", "ab", "name", "é", "x\"y", "", "long name", "b"};
const std::vector<std::pair<std::string, std::vector<std::string>>> kPatterns{
    {"^[a-c]+$", {"a", "abc", "cc"}},
    {"\\d{2}", {"12", "x34y", "\"00\n"}},
    {"^(?:yes|no)$|^maybe", {"yes", "no", "maybe not"}},
    {"^[^x]{0,3}$", {"", "é\\", "a\tb"}}};
const std::vector<std::pair<std::string, std::string>> kFormats{
    {"date", "2024-02-29"},
    {"time", "12:00:00Z"},
    {"uuid", "00000000-0000-0000-0000-00000000000f"}};

/// A schema and one of its values, drawn together.
struct Drawn {
  Json schema;
  Json value;
};

Drawn draw(Random& random, int depth);

Drawn draw_string(Random& random) {
  Json schema{{"type", "string"}};
  switch (random.below(4)) {
    case 0: {
      const auto& [pattern, values] = kPatterns[random.below(kPatterns.size())];
      schema["pattern"] = pattern;
      return {schema, values[random.below(values.size())]};
    }
    case 1: {
      const auto& [format, value] = kFormats[random.below(kFormats.size())];
      schema["format"] = format;
      return {schema, value};
    }
    default: {
      const uint64_t min = random.below(4), length = min + random.below(4);
      if (min > 0) schema["minLength"] = min;
      if (random.one_in(2)) schema["maxLength"] = length + random.below(3);
      std::string text;
      const char* characters[] = {"a", "é", "漢", "😀", "\"", "\\", "\n", "\x01", " ", "/"};
      for (uint64_t i = 0; i < length; ++i) text += characters[random.below(10)];
      return {schema, text};
    }
  }
}

Drawn draw_number(Random& random, bool integer) {
  Json schema{{"type", integer ? "integer" : "number"}};
  const auto value = static_cast<int64_t>(random.below(4000)) - 2000;
  const auto slack = [&] { return static_cast<int64_t>(random.below(random.one_in(2) ? 3 : 900)); };
  if (integer) {
    if (random.one_in(2)) schema["minimum"] = value - slack();
    if (random.one_in(2)) schema["exclusiveMaximum"] = value + 1 + slack();
    return {schema, value};
  }
  const double x = static_cast<double>(value) / 100;
  if (random.one_in(2)) schema["exclusiveMinimum"] = static_cast<double>(value - 1 - slack()) / 100;
  if (random.one_in(2)) schema["maximum"] = static_cast<double>(value + slack()) / 100;
  return {schema, x};
}

Drawn draw_array(Random& random, int depth) {
  Json schema{{"type", "array"}};
  Json value = Json::array();
  if (random.one_in(2)) {
    Json prefix = Json::array();
    for (uint64_t n = 1 + random.below(3); n > 0; --n) {
      Drawn item = draw(random, depth - 1);
      prefix.push_back(item.schema);
      value.push_back(item.value);
    }
    schema["prefixItems"] = prefix;
    if (random.one_in(2)) schema["items"] = false;
  } else {
    const Drawn item = draw(random, depth - 1);
    schema["items"] = item.schema;
    for (uint64_t n = random.below(4); n > 0; --n) value.push_back(item.value);
  }
  if (random.one_in(3)) schema["minItems"] = value.size() - random.below(value.size() + 1);
  if (random.one_in(3)) {
    schema["maxItems"] = value.size() + random.below(3);
  }
  return {schema, value};
}

Drawn draw_object(Random& random, int depth) {
  Json schema{{"type", "object"}};
  Json properties = Json::object(), required = Json::array(), value = Json::object();
  const size_t first = random.below(kNames.size());
  for (size_t i = 0, n = random.below(5); i < n; ++i) {
    const std::string& name = kNames[(first + i) % kNames.size()];
    Drawn property = draw(random, depth - 1);
    properties[name] = property.schema;
    const bool must = random.one_in(3);
    if (must) required.push_back(name);
    if (must || random.one_in(2)) value[name] = property.value;
  }
  schema["properties"] = properties;
  if (!required.empty()) schema["required"] = required;
  if (random.one_in(3)) {
    Drawn other = draw(random, depth - 1);
    schema["additionalProperties"] = other.schema;
    if (random.one_in(2)) value["zz" + std::to_string(random.below(10))] = other.value;
  } else if (random.one_in(2)) {
    schema["additionalProperties"] = false;
  }
  return {schema, value};
}

Drawn draw(Random& random, int depth) {
  switch (random.below(depth > 0 ? 11 : 6)) {
    case 0:
      return {Json{{"type", "null"}}, nullptr};
    case 1:
      return {Json{{"type", "boolean"}}, random.one_in(2)};
    case 2:
      return draw_string(random);
    case 3:
      return draw_number(random, true);
    case 4:
      return draw_number(random, false);
    case 5: {
      Drawn one = draw(random, depth - 1);
      return {Json{{"enum", Json::array({1, "x", one.value})}}, one.value};
    }
    case 6:
    case 7:
      return draw_array(random, depth);
    case 8: {
      Drawn one = draw(random, depth - 1), other = draw(random, depth - 1);
      return {Json{{"anyOf", Json::array({other.schema, one.schema})}}, one.value};
    }
    default:
      return draw_object(random, depth);
  }
}

/// A random text of the grammar; none if it did not end in time.
std::optional<std::string> write(const Grammar& grammar, Random& random) {
  Automaton automaton(grammar.network());
  Automaton::StateId state = automaton.start();
  std::string text;
  while (text.size() < 3000) {
    std::vector<uint8_t> bytes;
    for (int byte = 0; byte < 256; ++byte) {
      if (automaton.next(state, static_cast<uint8_t>(byte)) != Automaton::kDead) {
        bytes.push_back(static_cast<uint8_t>(byte));
      }
    }
    if (automaton.can_end(state) && (bytes.empty() || random.one_in(3))) return text;
    if (bytes.empty()) {
      ADD_FAILURE() << "a dead end behind " << text;
      return std::nullopt;
    }
    uint8_t byte = bytes[random.below(bytes.size())];
    if (random.one_in(2)) {
      for (char c : {'"', '}', ']', ',', ':'}) {
        if (automaton.next(state, static_cast<uint8_t>(c)) != Automaton::kDead) {
          byte = static_cast<uint8_t>(c);
          break;
        }
      }
    }
    text += static_cast<char>(byte);
    state = automaton.next(state, byte);
  }
  return std::nullopt;
}

TEST(SchemaProperty, WhatIsWrittenIsValidAndWhatIsValidCanBeWritten) {
  Random random(11);
  int n_written = 0;
  for (int round = 0; round < 800; ++round) {
    const Drawn drawn = draw(random, 3);
    const auto valid = validate(drawn.schema, drawn.value);
    ASSERT_TRUE(valid.ok()) << drawn.schema << ": " << valid.error().message();
    ASSERT_FALSE(valid->has_value()) << drawn.schema << drawn.value << (*valid)->message;
    const auto grammar = json_schema_grammar(drawn.schema);
    ASSERT_TRUE(grammar.ok()) << drawn.schema << ": " << grammar.error().message();
    for (int indent : {-1, 0, 2}) {
      EXPECT_TRUE((*grammar)->matches(drawn.value.dump(indent)))
          << drawn.schema << " and " << drawn.value.dump(indent);
    }
    for (int i = 0; i < 3; ++i) {
      const auto text = write(**grammar, random);
      if (!text.has_value()) continue;
      ++n_written;
      const auto violation = validate_text(drawn.schema, *text);
      ASSERT_TRUE(violation.ok()) << violation.error().message();
      EXPECT_FALSE(violation->has_value())
          << drawn.schema << " and " << *text << ": " << (*violation)->schema_pointer << " "
          << (*violation)->message;
    }
  }
  EXPECT_GT(n_written, 1500);
}

TEST(SchemaProperty, ATextThatWasChangedIsWrittenOnlyIfItIsStillValid) {
  Random random(12);
  int n_kept = 0;
  for (int round = 0; round < 300; ++round) {
    const Drawn drawn = draw(random, 2);
    const auto grammar = json_schema_grammar(drawn.schema);
    ASSERT_TRUE(grammar.ok());
    for (int i = 0; i < 20; ++i) {
      std::string text = drawn.value.dump();
      const size_t at = random.below(text.size());
      if (random.one_in(2)) {
        text.erase(at, 1 + random.below(3));
      } else {
        text.insert(at, 1, "{}[]\",:0129-. ae\\u"[random.below(18)]);
      }
      if (!(*grammar)->matches(text)) continue;
      ++n_kept;
      const auto violation = validate_text(drawn.schema, text);
      ASSERT_TRUE(violation.ok());
      EXPECT_FALSE(violation->has_value()) << drawn.schema << " and " << text;
    }
  }
  EXPECT_GT(n_kept, 100);
}

}  // namespace
}  // namespace whet::grammar
