// Seeded mutations of templates: whatever comes out, compiling and rendering must return.
#include <gtest/gtest.h>

#include <array>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <set>
#include <sstream>

#include "base/rng.h"
#include "jinja/chat_template.h"

namespace whet::jinja {
namespace {

/// Whole chat templates first, then single constructs.
std::vector<std::string> seed_templates(size_t& n_chat_templates) {
  std::ifstream file(WHET_SOURCE_DIR "/tests/golden/templates.json");
  const auto golden = nlohmann::ordered_json::parse(file);
  std::vector<std::string> sources;
  for (const auto& [name, model] : golden.at("models").items()) {
    sources.push_back(model.at("source"));
  }
  std::error_code missing;
  std::set<std::filesystem::path> files;
  for (const auto& entry :
       std::filesystem::directory_iterator(WHET_SHARED_DIR "/data/templates", missing)) {
    files.insert(entry.path());
  }
  for (const auto& path : files) {
    std::ifstream source(path);
    std::stringstream text;
    text << source.rdbuf();
    sources.push_back(text.str());
  }
  n_chat_templates = sources.size();
  for (const auto& entry : golden.at("cases")) sources.push_back(entry.at("source"));
  return sources;
}

constexpr std::array<std::string_view, 40> kFragments = {"{{",
                                                         "}}",
                                                         "{%",
                                                         "%}",
                                                         "{#",
                                                         "#}",
                                                         "-%}",
                                                         "{%-",
                                                         "(",
                                                         ")",
                                                         "[",
                                                         "]",
                                                         "{",
                                                         "}",
                                                         "'",
                                                         "\"",
                                                         "\\",
                                                         "|",
                                                         ".",
                                                         ",",
                                                         ":",
                                                         "=",
                                                         " if ",
                                                         " else ",
                                                         " is ",
                                                         " in ",
                                                         " not ",
                                                         "{% endif %}",
                                                         "{% endfor %}",
                                                         "{% for a in b %}",
                                                         "{% set x %}",
                                                         "{% macro m() %}",
                                                         "{% raw %}",
                                                         "99999999999999999999",
                                                         "1e999",
                                                         "\\u",
                                                         "\xff",
                                                         "loop",
                                                         "**",
                                                         "~"};

/// One to six edits: a byte flipped, a span removed or doubled, a fragment put in, two sources
/// mixed.
std::string mutate(std::string source, const std::vector<std::string>& pool, const CounterRng& rng,
                   uint64_t& draw) {
  auto below = [&](size_t n) { return static_cast<size_t>(rng.bits(draw++) % n); };
  const size_t n_edits = 1 + below(6);
  for (size_t i = 0; i < n_edits; ++i) {
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
        source.insert(at, kFragments[below(kFragments.size())]);
    }
  }
  return source;
}

TEST(Mutation, NeitherCrashesNorHangs) {
  size_t n_chat_templates = 0;
  const auto pool = seed_templates(n_chat_templates);
  ASSERT_GT(pool.size(), 100u);
  const std::vector<ChatMessage> messages = {
      {"system", "Be é"}, {"user", "Hi <think>x</think>"}, {"assistant", ""}};
  const nlohmann::ordered_json extra = {
      {"n", 7}, {"nums", {3, 1, 2}}, {"d", {{"a", {1, "b"}}}}, {"s", "Hello"}};
  ChatTemplate::Options options;
  options.extra = &extra;
  options.limits.max_work = 200'000;
  const CounterRng rng(1, 2);
  uint64_t draw = 0;
  int n_rendered = 0;
  const int n_rounds = 60'000;
  for (int i = 0; i < n_rounds; ++i) {
    // Every other source is a whole chat template, the rest are single constructs.
    const size_t n_choices = i % 2 == 0 ? n_chat_templates : pool.size();
    const auto source = mutate(pool[rng.bits(draw++) % n_choices], pool, rng, draw);
    const auto compiled = ChatTemplate::compile(source);
    if (!compiled.ok()) {
      EXPECT_EQ(compiled.error().code(), ErrorCode::kInvalidModel);
      continue;
    }
    if (compiled->render(messages, options).ok()) ++n_rendered;
  }
  EXPECT_GT(n_rendered, n_rounds / 20);  // enough of them get through the parser to try the rest
}

}  // namespace
}  // namespace whet::jinja
