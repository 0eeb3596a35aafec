#include <gtest/gtest.h>

#include <map>
#include <set>

#include "cli/speculation_flags.h"
#include "cli/speculation_prompts.h"

namespace whet {
namespace {

TEST(SpeculationPrompts, TheBuiltInOnesAreManyAndOfEveryKind) {
  const auto prompts = built_in_speculation_prompts();
  ASSERT_TRUE(prompts.ok()) << prompts.error().message();
  std::map<std::string, int> n;
  std::set<std::string> ids, texts;
  for (const SpeculationPrompt& p : *prompts) {
    ++n[p.category];
    ids.insert(p.id);
    texts.insert(p.prompt);
  }
  EXPECT_GE(prompts->size(), 30u);
  EXPECT_EQ(ids.size(), prompts->size());
  EXPECT_EQ(texts.size(), prompts->size());
  for (const char* category : {"chat", "code", "edit", "summary", "maths"}) {
    EXPECT_GE(n[category], 5) << category;
  }
  EXPECT_EQ(n.size(), 5u);
}

TEST(SpeculationPrompts, RefusesOtherLinesByNumber) {
  const std::string good = R"({"id": "a", "category": "b", "prompt": "c"})";
  EXPECT_EQ(parse_speculation_prompts(good + "\n\n" + good, "f")->size(), 2u);
  for (const char* bad : {"nonsense", "[1]", R"({"id": "a"})", R"({"id": 1, "category": "b"})",
                          R"({"id": "a", "category": "", "prompt": "c"})"}) {
    const auto refused = parse_speculation_prompts(good + "\n" + bad, "f.jsonl");
    ASSERT_FALSE(refused.ok()) << bad;
    EXPECT_NE(refused.error().message().find("f.jsonl:2"), std::string::npos);
  }
  EXPECT_FALSE(parse_speculation_prompts("\n", "f").ok());
}

SpeculationFlags flags(const std::string& types) {
  SpeculationFlags f;
  f.types = types;
  return f;
}

TEST(SpeculationFlags, KnowsTypesByOurNamesAndLlamas) {
  const auto ngram = flags("ngram-simple").resolve();
  ASSERT_TRUE(ngram.ok());
  EXPECT_TRUE(ngram->uses(DraftSource::kNgram));
  EXPECT_FALSE(ngram->uses(DraftSource::kSession));
  const auto both = flags("ngram,session").resolve();
  EXPECT_TRUE(both->uses(DraftSource::kNgram) && both->uses(DraftSource::kSession));
  const auto none = flags("none").resolve();
  for (const bool used : none->sources) EXPECT_FALSE(used);
  for (const bool used : flags("").resolve()->sources) EXPECT_TRUE(used);
}

TEST(SpeculationFlags, RefusesWhatWouldBeIgnored) {
  for (const char* types : {"eagle", "ngram,", "none,ngram", "phrase", "draft"}) {
    EXPECT_FALSE(flags(types).resolve().ok()) << types;
  }
  SpeculationFlags draft = flags("ngram");
  draft.draft_model = "m.gguf";
  EXPECT_FALSE(draft.resolve().ok());
  draft.types = "draft";
  EXPECT_TRUE(draft.resolve().ok());
  SpeculationFlags phrase = flags("ngram");
  phrase.options.phrase_file = "f.txt";
  EXPECT_FALSE(phrase.resolve().ok());
  SpeculationFlags repeated = flags("session");
  repeated.no_session = true;
  EXPECT_FALSE(repeated.resolve().ok());
  repeated.types = "";
  EXPECT_FALSE(repeated.resolve()->uses(DraftSource::kSession));
}

}  // namespace
}  // namespace whet
