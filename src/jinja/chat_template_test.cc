#include "jinja/chat_template.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <thread>

namespace whet::jinja {
namespace {

using Json = nlohmann::ordered_json;

Result<std::string> render(std::string source, const ChatTemplate::Options& options = {},
                           const std::vector<ChatMessage>& messages = {{"user", "Hi"}}) {
  WHET_TRY(const auto compiled, ChatTemplate::compile(std::move(source)));
  return compiled.render(messages, options);
}

TEST(ChatTemplate, PassesWhatTransformersPasses) {
  ChatTemplate::Options options;
  options.bos_token = "<s>";
  options.eos_token = "</s>";
  options.add_generation_prompt = false;
  EXPECT_EQ(
      render("{{ bos_token }}{{ messages }}{{ tools }}{{ documents }}{{ add_generation_prompt }}"
             "{{ eos_token }}",
             options)
          .value(),
      "<s>[{'role': 'user', 'content': 'Hi'}]NoneNoneFalse</s>");
}

TEST(ChatTemplate, ExtraArgumentsAreVariablesAndWin) {
  const Json extra = {
      {"enable_thinking", false}, {"bos_token", "B"}, {"z", {1, 2.5, nullptr, "é"}}};
  ChatTemplate::Options options;
  options.bos_token = "<s>";
  options.extra = &extra;
  EXPECT_EQ(render("{{ enable_thinking }} {{ bos_token }} {{ z }}", options).value(),
            "False B [1, 2.5, None, 'é']");
}

TEST(ChatTemplate, RefusesExtraArgumentsThatAreNoObject) {
  for (const Json& extra : {Json(5), Json::array({1}), Json{{"n", 18446744073709551615u}}}) {
    ChatTemplate::Options options;
    options.extra = &extra;
    const auto result = render("x", options);
    ASSERT_FALSE(result.ok());
    EXPECT_EQ(result.error().code(), ErrorCode::kInvalidArgument);
  }
}

TEST(ChatTemplate, CompileErrorsSayWhere) {
  const auto compiled = ChatTemplate::compile("a\n{% if %}");
  ASSERT_FALSE(compiled.ok());
  EXPECT_EQ(compiled.error().code(), ErrorCode::kInvalidModel);
  EXPECT_EQ(compiled.error().message(),
            "chat template: line 2, column 7: expected an expression, found '%}'");
}

TEST(ChatTemplate, RunTimeErrorsSayWhere) {
  const auto result = render("{% for m in messages %}\n  {{ m.content + m.nope }}\n{% endfor %}");
  ASSERT_FALSE(result.ok());
  EXPECT_EQ(result.error().code(), ErrorCode::kInvalidModel);
  EXPECT_EQ(result.error().message(),
            "chat template: line 2, column 16: 'dict' object has no attribute 'nope'");
}

TEST(ChatTemplate, ErrorsPointIntoTheMacroThatFailed) {
  const auto result = render("{% macro m(x) %}\n{{ x | nope }}{% endmacro %}\n\n{{ m(1) }}");
  ASSERT_FALSE(result.ok());
  EXPECT_EQ(result.error().message(), "chat template: line 2, column 8: unknown filter 'nope'");
}

TEST(ChatTemplate, ARefusedConversationIsTheRequestsFault) {
  const auto result = render("{{ raise_exception('roles must alternate') }}");
  ASSERT_FALSE(result.ok());
  EXPECT_EQ(result.error().code(), ErrorCode::kInvalidArgument);
  EXPECT_EQ(result.error().message(),
            "chat template: line 1, column 19: raise_exception(): roles must alternate");
}

TEST(ChatTemplate, UnknownNamesOnlyMatterWhereTheyAreUsed) {
  EXPECT_EQ(render("{% if false %}{{ 1 | nope }}{{ 1 is nope }}{{ nope() }}{% endif %}ok").value(),
            "ok");
}

TEST(ChatTemplate, TimeIsTheGivenOne) {
  ChatTemplate::Options options;
  options.local_time = std::tm{};
  options.local_time->tm_year = 124;
  options.local_time->tm_mon = 1;
  options.local_time->tm_mday = 29;
  EXPECT_EQ(render("{{ strftime_now('%d %b %Y') }}", options).value(), "29 Feb 2024");
  EXPECT_EQ(render("{{ strftime_now('%Y') }}").value().size(), 4u);
}

TEST(ChatTemplate, TheDayIsGivenOnlyWhereItIsAskedFor) {
  ChatTemplate::Options options;
  options.local_time = std::tm{};
  options.local_time->tm_year = 124;
  options.local_time->tm_mon = 1;
  options.local_time->tm_mday = 29;
  const char* source = "{{ date_string | default('none') }}, {{ datetime | default('none') }}";
  EXPECT_EQ(render(source, options).value(), "none, none") << "as transformers";
  options.gives_date = true;
  EXPECT_EQ(render(source, options).value(), "29 Feb 2024, Feb 29 2024");
  const nlohmann::ordered_json extra = {{"date_string", "today"}};
  options.extra = &extra;
  EXPECT_EQ(render(source, options).value(), "today, Feb 29 2024");
}

TEST(ChatTemplate, IteratorsFunctionsAndNamespacesHaveNoText) {
  for (const auto* source :
       {"{{ [1] | map('string') }}", "{{ range }}", "{{ 'a'.upper }}", "{{ namespace() }}",
        "{% macro m() %}{% endmacro %}{{ m }}", "{{ [namespace()] }}"}) {
    EXPECT_FALSE(render(source).ok()) << source;
  }
}

TEST(ChatTemplate, SurrogatePairsInStringsAreOneCharacter) {
  EXPECT_EQ(render("{{ '\\ud83d\\ude00' | length }}").value(), "1");
  EXPECT_FALSE(render("{{ '\\ud83d' }}").ok());
  EXPECT_FALSE(render("{{ '\\ud83dx' }}").ok());
}

TEST(ChatTemplate, InvalidUtf8InAMessagePassesThrough) {
  const std::vector<ChatMessage> messages = {{"user", " \xff\xc3 a\x80 "}};
  EXPECT_EQ(render("{{ messages[0].content | trim }}", {}, messages).value(), "\xff\xc3 a\x80");
  EXPECT_EQ(render("{{ messages[0].content | length }}", {}, messages).value(), "7");
  EXPECT_EQ(render("{{ messages }}", {}, messages).value(),
            "[{'role': 'user', 'content': ' \\udcff\\udcc3 a\\udc80 '}]");
}

TEST(ChatTemplate, RendersFromManyThreads) {
  const auto compiled = ChatTemplate::compile(
      "{% macro m(x) %}<{{ x }}>{% endmacro %}{% set ns = namespace(n=0) %}{% for m_ in messages %}"
      "{% set ns.n = ns.n + 1 %}{{ m(m_.content | upper) }}{% endfor %}{{ ns.n }}{{ ['lit', {'a': "
      "1}] }}");
  ASSERT_TRUE(compiled.ok());
  const std::vector<ChatMessage> messages(20, {"user", "héllo"});
  const auto expected = compiled->render(messages, {}).value();
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < 50; ++i) EXPECT_EQ(compiled->render(messages, {}).value(), expected);
    });
  }
  for (auto& thread : threads) thread.join();
}

TEST(ChatTemplate, ALongConversationFitsTheBudget) {
  std::string source =
      "{% set ns = namespace(last=0) %}{% for message in messages[::-1] %}{% if message.role == "
      "'user' %}"
      "{% set ns.last = loop.index0 %}{% endif %}{% endfor %}{% for message in messages %}"
      "{% set content = message.content.strip() %}{% if message['role'] == 'user' and not "
      "content.startswith('<x>') %}"
      "{{ '<|' + message.role + '|>' + content | trim + '\n' }}{% else %}{{ "
      "content.split('</think>')[-1] }}"
      "{% endif %}{% endfor %}";
  const std::vector<ChatMessage> messages(5000, {"user", std::string(800, 'x')});
  const auto result = render(std::move(source), {}, messages);
  ASSERT_TRUE(result.ok()) << result.error().message();
  EXPECT_EQ(result->size(), 5000u * 809);
}

}  // namespace
}  // namespace whet::jinja
