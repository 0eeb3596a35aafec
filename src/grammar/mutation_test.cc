// Seeded mutations of grammars, schemas and patterns: whatever comes out, compiling and reading
// must return.
#include <gtest/gtest.h>

#include <functional>

#include "base/rng.h"
#include "grammar/gbnf.h"
#include "grammar/json_schema.h"
#include "grammar/regex.h"
#include "grammar/schema_validator.h"

namespace whet::grammar {
namespace {

/// One to three edits: a byte flipped, a span removed or doubled, a fragment put in, two sources
/// mixed.
std::string mutate(std::string source, const std::vector<std::string>& pool,
                   const std::vector<std::string>& fragments, const CounterRng& rng,
                   uint64_t& draw) {
  auto below = [&](size_t n) { return static_cast<size_t>(rng.bits(draw++) % n); };
  for (size_t n_edits = 1 + below(3); n_edits > 0; --n_edits) {
    const size_t at = below(source.size() + 1);
    const size_t n = below(20);
    switch (below(6)) {
      case 0:
        if (at < source.size()) source[at] = static_cast<char>(rng.bits(draw++));
        break;
      case 1:
        source.erase(at, n);
        break;
      case 2:
        source.insert(at, source.substr(at, n));
        break;
      case 3: {
        const auto& other = pool[below(pool.size())];
        source.insert(at, other.substr(below(other.size() + 1), 2 * n));
        break;
      }
      default:
        source.insert(at, fragments[below(fragments.size())]);
    }
  }
  return source;
}

/// One to four keywords set to values that other places of the pool have, anywhere in a schema.
Json mutate(Json schema, const std::vector<Json>& pool, const CounterRng& rng, uint64_t& draw) {
  auto below = [&](size_t n) { return static_cast<size_t>(rng.bits(draw++) % n); };
  auto nodes_of = [](Json& root) {
    std::vector<std::pair<std::string, Json*>> nodes{{"", &root}};  // the key it has, itself
    for (size_t i = 0; i < nodes.size(); ++i) {
      if (!nodes[i].second->is_structured()) continue;
      for (auto& [key, inner] : nodes[i].second->items()) nodes.emplace_back(key, &inner);
    }
    return nodes;
  };
  for (size_t n_edits = 1 + below(4); n_edits > 0; --n_edits) {
    Json other = pool[below(pool.size())];
    const auto sources = nodes_of(other);
    const auto& [key, value] = sources[below(sources.size())];
    const auto targets = nodes_of(schema);
    Json& target = *targets[below(targets.size())].second;
    if (target.is_object() && !key.empty()) {
      target[key] = *value;
    } else if (below(3) == 0) {
      target = *value;
    }
  }
  return schema;
}

using Compile = std::function<Result<std::shared_ptr<const Grammar>>(const std::string&)>;

void expect_all_return(const std::vector<std::string>& seeds,
                       const std::vector<std::string>& fragments, const Compile& compile,
                       int n_rounds, double least_share = 0.05) {
  const CounterRng rng(7, seeds.size());
  uint64_t draw = 0;
  int n_compiled = 0;
  for (int i = 0; i < n_rounds; ++i) {
    const auto source = mutate(seeds[rng.bits(draw++) % seeds.size()], seeds, fragments, rng, draw);
    const auto grammar = compile(source);
    if (!grammar.ok()) {
      EXPECT_EQ(grammar.error().code(), ErrorCode::kInvalidArgument);
      EXPECT_FALSE(grammar.error().message().empty());
      continue;
    }
    ++n_compiled;
    (*grammar)->matches("{\"a\": [1, \"b\"]}");
    (*grammar)->matches_prefix(source);
  }
  EXPECT_GT(n_compiled, n_rounds * least_share);  // enough get through the parser to try the rest
}

TEST(Mutation, Gbnf) {
  expect_all_return(
      {"root ::= (expr \"=\" ws term \"\\n\")+\nexpr ::= term ([-+*/] term)*\n"
       "term ::= ident | num | \"(\" ws expr \")\" ws\nident ::= [a-z] [a-z0-9_]* ws\n"
       "num ::= [0-9]+ ws\nws ::= [ \\t\\n]*\n",
       "root ::= \"[\" (item (\",\" item){0,5})? \"]\" # list\nitem ::= [^\\x00-\\x1f\\\"]{1,20} | "
       "root\n",
       "root ::= \"\\u00e9\" | .{2,} | [α-ω\\]]"},
      {"::=", "|",  "(",    ")",  "*", "+",    "?",      "{2}", "{0,}", "{9999}", "[",   "]",
       "\"",  "\\", "\\x4", "\n", "#", "root", "a ::= ", ".",   "^",    "-",      "\xff"},
      gbnf_grammar, 4000);
}

TEST(Mutation, Regex) {
  expect_all_return({"^(?:[A-Za-z_][\\w.]*|\\d{3,5}-x+?)$", "(a|b)*[^\\s]{2}\\.\\u00e9", "x?y+z*"},
                    {"(", ")", "[",  "]",  "{",   "}",   "{2,9}", "*", "+", "?",    "|",
                     "^", "$", "\\", "(?", "(?:", "\\b", "\\1",   "-", ".", "\xff", "\\u"},
                    regex_grammar, 8000);
}

const std::vector<std::string> kSchemas{
    R"({"type":"object","properties":{"a":{"type":"integer","minimum":-3,"maximum":40},
        "b":{"$ref":"#/$defs/b"}},"required":["a"],"$defs":{"b":{"type":"string","maxLength":9}}})",
    R"({"anyOf":[{"type":"array","items":{"$ref":"#"},"minItems":1},{"enum":["x",1.5,null]}]})",
    R"({"allOf":[{"type":"number","exclusiveMinimum":0.25},{"maximum":1e3}]})",
    R"({"type":["string","null"],"pattern":"^a+b?$"})",
    R"({"type":"object","additionalProperties":{"const":true},"properties":{"xy":{"format":"uuid"}}})",
    R"({"oneOf":[{"minLength":2},{"type":"boolean"},{"maxItems":3}],"nullable":false,"type":"string"})",
    R"({"prefixItems":[true,{"format":"date"}],"items":false})"};

Result<std::shared_ptr<const Grammar>> compile_schema(const std::string& text) {
  WHET_TRY(const Json schema, parse_json_schema(text));
  WHET_TRY(auto grammar, json_schema_grammar(schema));
  (void)validate_text(schema, R"({"a":[1,"b"]})");
  return grammar;
}

TEST(Mutation, JsonSchemaText) {
  expect_all_return(kSchemas,
                    {"{", "}", "[", "]", ",", ":", "\"", "true", "null", "-", "9", "e9",
                     "\"$ref\":\"#\",", "\"minItems\":3,", "\"enum\":[1],", "\"anyOf\":[true],"},
                    compile_schema, 4000, 0.01);
}

TEST(Mutation, JsonSchema) {
  std::vector<Json> pool;
  for (const auto& text : kSchemas) pool.push_back(parse_json_schema(text).value());
  const CounterRng rng(8, 0);
  uint64_t draw = 0;
  int n_compiled = 0;
  for (int i = 0; i < 8000; ++i) {
    const Json schema = mutate(pool[rng.bits(draw++) % pool.size()], pool, rng, draw);
    const auto grammar = compile_schema(schema.dump());
    if (grammar.ok()) {
      ++n_compiled;
      (*grammar)->matches("{\"a\": [1, \"b\"]}");
    } else {
      EXPECT_EQ(grammar.error().code(), ErrorCode::kInvalidArgument);
    }
  }
  EXPECT_GT(n_compiled, 1000);
}

}  // namespace
}  // namespace whet::grammar
