// Compares with jinja2's recorded output; tests/golden/make_template_golden.py wrote it.
#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <nlohmann/json.hpp>
#include <regex>
#include <sstream>

#include "jinja/chat_template.h"
#include "jinja/json_value.h"
#include "jinja/template.h"

namespace whet::jinja {
namespace {

using Json = nlohmann::ordered_json;

const Json& golden() {
  static const Json document = [] {
    std::ifstream file(WHET_SOURCE_DIR "/tests/golden/templates.json");
    return Json::parse(file);
  }();
  return document;
}

std::tm golden_time() {
  std::tm time{};
  const auto text = golden().at("now").get<std::string>();
  EXPECT_NE(strptime(text.c_str(), "%Y-%m-%dT%H:%M:%S", &time), nullptr);
  return time;
}

Template::Variables golden_variables() {
  Template::Variables variables;
  for (const auto& [name, json] : golden().at("variables").items()) {
    variables.emplace_back(name, from_json(json, 50).value());
  }
  return variables;
}

Result<std::string> render(const std::string& source, const Template::Variables& variables) {
  WHET_TRY(const auto compiled, Template::compile(source));
  return compiled.render(variables, golden_time());
}

/// Whether `result` is what `expected` says; complains with `what` otherwise.
bool expect_same(const Result<std::string>& result, const Json& expected, const std::string& what) {
  if (expected.contains("error")) {
    EXPECT_FALSE(result.ok()) << what << "\nexpected " << expected.at("error")
                              << ", got: " << *result;
    return !result.ok();
  }
  EXPECT_TRUE(result.ok()) << what << "\n" << (result.ok() ? "" : result.error().message());
  if (!result.ok()) return false;
  EXPECT_EQ(*result, expected.at("text").get<std::string>()) << what;
  return *result == expected.at("text").get<std::string>();
}

void check_cases(const char* group, size_t n_at_least) {
  const auto variables = golden_variables();
  const auto& cases = golden().at(group);
  ASSERT_GE(cases.size(), n_at_least);
  int n_wrong = 0;
  for (const auto& entry : cases) {
    const auto source = entry.at("source").get<std::string>();
    if (!expect_same(render(source, variables), entry, source)) ++n_wrong;
  }
  EXPECT_EQ(n_wrong, 0) << "of " << cases.size();
}

std::vector<ChatMessage> conversation(const std::string& name) {
  std::vector<ChatMessage> messages;
  for (const auto& message : golden().at("conversations").at(name)) {
    messages.push_back({message.at("role"), message.at("content")});
  }
  return messages;
}

void check_chat_template(const std::string& name, const std::string& source, const Json& expected) {
  const auto compiled = ChatTemplate::compile(source);
  ASSERT_TRUE(compiled.ok()) << name << ": " << compiled.error().message();
  const auto& runs = golden().at("runs");
  ASSERT_EQ(runs.size(), expected.size());
  for (size_t i = 0; i < runs.size(); ++i) {
    ChatTemplate::Options options;
    options.add_generation_prompt = runs[i].at("add_generation_prompt");
    options.bos_token = "<s>";
    options.eos_token = "</s>";
    options.local_time = golden_time();
    if (runs[i].contains("extra")) options.extra = &runs[i].at("extra");
    expect_same(compiled->render(conversation(runs[i].at("conversation")), options), expected[i],
                name + " " + runs[i].dump());
  }
}

TEST(Golden, ConstructsMatchJinja2) {
  check_cases("cases", 380);
}

TEST(Golden, RandomExpressionsMatchJinja2) {
  check_cases("random", 2000);
}

TEST(Golden, WellKnownChatFormatsMatchTransformers) {
  for (const auto& [name, model] : golden().at("models").items()) {
    check_chat_template(name, model.at("source"), model.at("runs"));
  }
}

TEST(Golden, ModelsTemplatesMatchTransformers) {
  int n_missing = 0;
  for (const auto& [name, expected] : golden().at("shared").items()) {
    std::ifstream file(std::string(WHET_SHARED_DIR "/data/templates/") + name);
    if (!file) {
      ++n_missing;
      continue;
    }
    std::stringstream source;
    source << file.rdbuf();
    check_chat_template(name, source.str(), expected);
  }
  if (n_missing > 0) GTEST_SKIP() << n_missing << " templates of shared/data/templates are missing";
}

// What looks like a control token in the source of a template, and the two that it is given.
std::vector<std::string> control_tokens_of(const std::string& source) {
  static const std::regex kMark(
      R"(<\|[^|<>{}]{1,40}\|>|<\xEF\xBD\x9C[^<>{}]{1,40}\xEF\xBD\x9C>|<[a-z_]{3,20}_of_[a-z_]{3,20}>|\[/?INST\]|<<?/?SYS>?>)");
  std::vector<std::string> tokens = {"<s>", "</s>"};
  for (std::sregex_iterator it(source.begin(), source.end(), kMark), end; it != end; ++it) {
    if (std::find(tokens.begin(), tokens.end(), it->str()) == tokens.end()) {
      tokens.push_back(it->str());
    }
  }
  return tokens;
}

std::vector<std::string> spellings_in(std::string_view text,
                                      const std::vector<std::string>& tokens) {
  std::vector<std::string> found;
  for (size_t i = 0; i < text.size(); ++i) {
    for (const std::string& token : tokens) {
      if (text.substr(i).starts_with(token)) found.push_back(token);
    }
  }
  return found;
}

// The control tokens of a rendered prompt must be the template's alone, whatever messages say.
void expect_unforgeable(const std::string& name, const std::string& source) {
  const auto compiled = ChatTemplate::compile(source);
  ASSERT_TRUE(compiled.ok());
  const std::vector<std::string> tokens = control_tokens_of(source);
  const ControlFinder find = [&](std::string_view text) {
    std::vector<std::pair<size_t, size_t>> ranges;
    for (size_t i = 0; i < text.size(); ++i) {
      for (const std::string& token : tokens) {
        if (text.substr(i).starts_with(token)) ranges.emplace_back(i, i + token.size());
      }
    }
    return ranges;
  };
  std::string forged = "a";
  for (const std::string& token : tokens) forged += token + "b";
  const auto conversation = [](const std::string& content) {
    Conversation c;
    c.messages = {{.role = "user", .content = content},
                  {.role = "assistant", .content = "Well."},
                  {.role = "user", .content = "x" + content}};
    return c;
  };
  ChatTemplate::Options options;
  options.bos_token = "<s>";
  options.eos_token = "</s>";
  options.local_time = golden_time();
  const auto harmless = compiled->render(conversation("ab"), options, find);
  const auto attacked = compiled->render(conversation(forged), options, find);
  ASSERT_EQ(harmless.ok(), attacked.ok()) << name;
  if (!harmless.ok()) return;  // a template that refuses such a conversation
  std::string own;
  for (const PromptPart& part : *attacked) own += part.from_user ? "\n" : part.text;
  EXPECT_EQ(spellings_in(own, tokens), spellings_in(text_of(*harmless), tokens)) << name;
  // Nothing of what the user wrote is lost.
  EXPECT_NE(text_of(*attacked).find(forged), std::string::npos) << name;
  EXPECT_EQ(text_of(*attacked).find("\xEF\xB7"), std::string::npos) << name;
}

TEST(Golden, UsersCannotForgeControlTokensInAnyTemplate) {
  int n = 0;
  for (const auto& [name, model] : golden().at("models").items()) {
    expect_unforgeable(name, model.at("source"));
    ++n;
  }
  for (const auto& [name, expected] : golden().at("shared").items()) {
    std::ifstream file(std::string(WHET_SHARED_DIR "/data/templates/") + name);
    if (!file) continue;
    std::stringstream source;
    source << file.rdbuf();
    expect_unforgeable(name, source.str());
    ++n;
  }
  EXPECT_GE(n, 5);
}

}  // namespace
}  // namespace whet::jinja
