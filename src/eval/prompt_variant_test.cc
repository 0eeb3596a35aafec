#include "eval/prompt_variant.h"

#include <gtest/gtest.h>

namespace whet::eval {
namespace {

TEST(PromptVariant, ATaskIsAskedInEach) {
  const auto variants = parse_prompt_variants(
      "{\"name\": \"plain\"}\n\n{\"name\": \"steps\", \"before\": \"Think.\\n\", \"after\": "
      "\"!\"}\n");
  ASSERT_TRUE(variants.ok()) << variants.error().message();
  Task alone, grouped;
  alone.id = "q1";
  alone.family = "sums";
  alone.question.messages = user_turn("2 + 2?");
  alone.question.messages.insert(alone.question.messages.begin(),
                                 {.role = "system", .content = "Be brief."});
  alone.key.answer = "4";
  grouped = alone;
  grouped.id = "q2";
  grouped.group = "passage";
  const auto asked = asked_in_variants({alone, grouped}, *variants);
  ASSERT_EQ(asked.size(), 4u);
  EXPECT_EQ(asked[0].id, "q1@plain");
  EXPECT_EQ(asked[0].question.text(), "2 + 2?");
  EXPECT_EQ(asked[1].id, "q1@steps");
  EXPECT_EQ(asked[1].family, "sums@steps");
  EXPECT_EQ(asked[1].question.text(), "Think.\n2 + 2?!");
  EXPECT_EQ(asked[1].question.messages[0].content, "Be brief.");
  EXPECT_EQ(asked[1].key.answer, "4");
  EXPECT_EQ(asked[0].group, "q1") << "drawn together with its other wordings";
  EXPECT_EQ(asked[1].group, "q1");
  EXPECT_EQ(asked[3].group, "passage");
}

TEST(PromptVariant, AFileOfAnotherFormIsRefusedWithItsLine) {
  const std::pair<const char*, const char*> files[] = {
      {"", "at least one variant"},
      {"\n{\"name\": \"a\"}\nx\n", "line 3: expected a JSON object"},
      {"{\"name\": \"a b\"}", "letters, digits"},
      {"{\"before\": \"x\"}", "expected \"name\", found no such key"},
      {"{\"name\": \"a\", \"before\": 1}", "\"before\": expected a string, found number"},
      {"{\"name\": \"a\", \"prefix\": \"x\"}", "unknown key \"prefix\""},
      {"{\"name\": \"a\"}\n{\"name\": \"a\"}", "line 2: variant \"a\" is given twice"}};
  for (const auto& [file, part] : files) {
    const auto variants = parse_prompt_variants(file);
    ASSERT_FALSE(variants.ok()) << file;
    EXPECT_NE(variants.error().message().find(part), std::string::npos)
        << variants.error().message();
  }
}

}  // namespace
}  // namespace whet::eval
