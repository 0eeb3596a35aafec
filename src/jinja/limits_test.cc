// What a hostile template cannot do: exhaust the stack, the memory or the machine's time.
#include <gtest/gtest.h>

#include <ctime>
#include <thread>

#include <nlohmann/json.hpp>

#include "jinja/json_value.h"
#include "jinja/template.h"

namespace whet::jinja {
namespace {

Result<std::string> render(std::string_view source, const Template::Variables& variables = {},
                           const Limits& limits = {}) {
  WHET_TRY(const auto compiled, Template::compile(source));
  return compiled.render(variables, std::tm{}, limits);
}

/// Expects an error whose message contains `part`, within ten seconds of CPU time.
void expect_refused(std::string_view source, std::string_view part,
                    const Template::Variables& variables = {}) {
  const std::clock_t start = std::clock();
  const auto result = render(source, variables);
  EXPECT_LT(std::clock() - start, 10 * CLOCKS_PER_SEC) << source;
  ASSERT_FALSE(result.ok()) << source << " gave " << result->size() << " bytes";
  EXPECT_NE(result.error().message().find(part), std::string::npos)
      << source << ": " << result.error().message();
  EXPECT_EQ(result.error().code(), ErrorCode::kInvalidModel);
  EXPECT_NE(result.error().message().find("line 1, column "), std::string::npos)
      << result.error().message();
}

constexpr std::string_view kSteps = "more than 10000000 steps";
constexpr std::string_view kDepth = "nested deeper than";
constexpr std::string_view kText = "text longer than";

TEST(Limits, RecursionEndsInAnError) {
  expect_refused("{% macro f(n) %}{{ f(n + 1) }}{% endmacro %}{{ f(0) }}", kDepth);
  expect_refused("{% macro f() %}{% call f() %}{% endcall %}{{ caller() }}{% endmacro %}{{ f() }}",
                 kDepth);
  expect_refused(
      "{% macro f() %}{% if true %}{% for i in [1] %}{% set x %}{{ f() }}{% endset %}"
      "{% endfor %}{% endif %}{% endmacro %}{{ f() }}",
      kDepth);
  expect_refused("{% macro f(a=f()) %}{% endmacro %}{{ f() }}", kDepth);
  expect_refused(
      "{% macro a() %}{{ b() }}{% endmacro %}{% macro b() %}{{ [a()] }}{% endmacro %}{{ a() }}",
      kDepth);
}

TEST(Limits, DeepRecursionFitsTheStackOfAThread) {
  std::string nested = "n";
  for (int i = 0; i < 60; ++i) nested = "[" + nested + "]";
  const std::string source =
      "{% macro f(n) %}{% for i in [1] %}{% filter trim %}{{ " + nested +
      " }}{{ f(n ~ 1) }}{% endfilter %}{% endfor %}{% endmacro %}{{ f('') }}";
  std::thread([&] { EXPECT_FALSE(render(source).ok()); }).join();
}

TEST(Limits, UsualRecursionIsFine) {
  const auto result = render(
      "{% macro f(n) %}{% if n > 0 %}{{ n }} {{ f(n - 1) }}{% endif %}{% endmacro %}{{ f(40) }}");
  ASSERT_TRUE(result.ok()) << result.error().message();
  EXPECT_EQ(result->substr(0, 6), "40 39 ");
}

TEST(Limits, LoopsEndInAnError) {
  expect_refused("{% for a in range(100000) %}{% for b in range(100000) %}{% endfor %}{% endfor %}",
                 kSteps);
  expect_refused(
      "{% for a in range(100000) %}{% for b in range(1000) %}{{ '' }}{% endfor %}{% endfor %}",
      kSteps);
  expect_refused(
      "{% for a in range(100000) %}{% set x = range(1000) | list | sort | length %}{% endfor %}",
      kSteps);
  expect_refused("{{ range(100001) | length }}", "more than 100000 items");
  expect_refused(
      "{% set ns = namespace(l=[0]) %}{% for i in range(100) %}{% set ns.l = ns.l + ns.l %}{% "
      "endfor %}",
      kSteps);
  expect_refused("{{ ([0] * 1000000000000) | length }}", kSteps);
  expect_refused("{{ ([0] * 9223372036854775807) | length }}", kSteps);
  expect_refused("{{ ([0, 1] * 9223372036854775807) | length }}", "64 bits");
  expect_refused("{{ [0] | batch(1000000000000, 1) | list | length }}", kSteps);
  expect_refused("{{ [0] | slice(1000000000000) | list | length }}", kSteps);
}

TEST(Limits, TextEndsInAnError) {
  expect_refused(
      "{% set ns = namespace(s='ab') %}{% for i in range(100) %}{% set ns.s = ns.s ~ ns.s %}{% "
      "endfor %}",
      kText);
  expect_refused("{{ 'ab' * 1000000000000 }}", kText);
  expect_refused("{{ '' * 9223372036854775807 ~ 'a' * 16777217 }}", kText);
  expect_refused("{{ ('a' * 100000) | replace('a', 'b' * 100000) }}", kText);
  expect_refused("{{ ('a' * 100000).replace('', 'b' * 100000) }}", kText);
  expect_refused("{{ (['a' * 1000000] * 1000) | join }}", kText);
  expect_refused("{{ ('a' * 1000000).join('b' * 1000) }}", kText);
  expect_refused("{{ 'a'.center(1000000000000) }}", "width too large");
  expect_refused("{{ 'a' | indent(1000000000000, true) }}", "width over 10000");
  expect_refused("{{ '%1000000000000d' % 1 }}", "width over 10000");
  expect_refused("{{ ('%10000d' * 10000) % ((1,) * 10000) }}", kText);
  expect_refused("{{ ('{0}' * 10000).format('a' * 100000) }}", kText);
  expect_refused("{{ [[1] * 10000] * 10000 }}", kText);
  expect_refused("{{ ([[[1]] * 1000] * 1000) | tojson(indent=1000) }}", kText);
  expect_refused("{% for i in range(100000) %}{{ 'a' * 1000 }}{% endfor %}", kText);
  expect_refused("{% for i in range(100000) %}" + std::string(1000, 'a') + "{% endfor %}", kText);
}

TEST(Limits, WorkOnLongTextIsCharged) {
  const std::string head = "{% set t = 'ab' * 4000000 %}{% for i in range(100000) %}";
  for (const auto* body :
       {"{{ 'x' in t }}", "{% if t == t ~ '' %}{% endif %}", "{{ t.find('c') }}",
        "{{ t | length }}", "{{ t.rfind('c') }}", "{{ t.strip('ab') }}", "{{ t[5] }}",
        "{{ t[1:2] }}", "{{ t.count('c') }}", "{{ t | wordcount }}", "{{ t.split('c') | length }}",
        "{{ t.startswith('b') }}", "{{ t | upper | first }}", "{{ t < t }}", "{{ t.isalpha() }}",
        "{{ t is lower }}", "{{ (t | list)[0] }}", "{{ t.rsplit('x') | length }}"}) {
    expect_refused(head + body + "{% endfor %}", "");
  }
  expect_refused("{{ ('a' * 8000000).rfind('a' * 4000000 ~ 'b') }}", kSteps);
  expect_refused("{{ ('a' * 8000000).rsplit('b' ~ 'a' * 4000000) | length }}", kSteps);
}

TEST(Limits, NestedValuesAreBounded) {
  expect_refused(
      "{% set ns = namespace(l=[]) %}{% for i in range(100000) %}{% set ns.l = [ns.l] %}{% endfor "
      "%}",
      "lists nested deeper than 100");
  expect_refused(
      "{% set ns = namespace(l={}) %}{% for i in range(100000) %}{% set ns.l = {'a': ns.l} %}{% "
      "endfor %}",
      "dicts nested deeper than 100");
  // A value of 90 levels that holds everything twice has 2^90 leaves.
  const std::string twice =
      "{% set ns = namespace(a=[1], b=[1]) %}{% for i in range(90) %}{% set ns.a = [ns.a, ns.a] %}"
      "{% set ns.b = [ns.b, ns.b] %}{% endfor %}";
  expect_refused(twice + "{{ ns.a == ns.b }}", kSteps);
  expect_refused(twice + "{{ ns.a < ns.b }}", kSteps);
  expect_refused(twice + "{{ ns.a in [ns.b] }}", kSteps);
  expect_refused(twice + "{{ ns.a }}", kText);
  expect_refused(twice + "{{ ns.a | tojson }}", kText);
  expect_refused(twice + "{{ ns.a | string | length }}", kText);
}

TEST(Limits, CyclesThroughNamespacesAreFreed) {
  const auto result = render(
      "{% set ns = namespace() %}{% set ns.me = ns %}{% set ns.l = [ns, {'a': ns}] %}"
      "{% for i in [1, 2] %}{% macro m() %}{{ i }}{% endmacro %}{% set ns.m = m %}"
      "{% if loop.changed(loop, m) %}{% set ns.loop = loop %}{% endif %}{% endfor %}"
      "{% if ns.loop.changed([ns.loop]) %}{{ ns.m() }}{% endif %}");
  ASSERT_TRUE(result.ok()) << result.error().message();
  EXPECT_EQ(*result, "2");
}

TEST(Limits, ArgumentsNestedTooDeepAreRefused) {
  nlohmann::ordered_json json = 1;
  for (int i = 0; i < 60; ++i) json = nlohmann::ordered_json::array({json});
  EXPECT_FALSE(from_json(json, 50).ok());
  EXPECT_TRUE(from_json(json, 60).ok());
}

TEST(Limits, IntegersDoNotWrap) {
  for (const auto* source :
       {"{{ 9223372036854775807 + 1 }}", "{{ -9223372036854775807 - 2 }}", "{{ 2 ** 63 }}",
        "{{ 9223372036854775807 * 2 }}", "{{ (-9223372036854775807 - 1) // -1 }}",
        "{{ -(-9223372036854775807 - 1) }}", "{{ (-9223372036854775807 - 1) | abs }}",
        "{{ 1e30 | int }}"}) {
    expect_refused(source, "64 bits");
  }
  EXPECT_EQ(render("{{ (-9223372036854775807 - 1) % -1 }}").value(), "0");
  EXPECT_EQ(render("{{ range(9223372036854775806, 9223372036854775807) | list }}").value(),
            "[9223372036854775806]");
  EXPECT_EQ(
      render("{{ 'abc'[-9223372036854775807:9223372036854775807:9223372036854775807] }}").value(),
      "a");
  EXPECT_EQ(render("{{ 'abc'[::-9223372036854775807 - 1] }}").value(), "c");
}

}  // namespace
}  // namespace whet::jinja
