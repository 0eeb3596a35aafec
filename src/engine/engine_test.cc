#include "engine/engine.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace whet {
namespace {

const std::string kModel = WHET_SOURCE_DIR "/models/whetstone-draft-q8_0.gguf";

std::unique_ptr<Engine> engine(const EngineOptions& options = {}) {
  auto loaded = load_model(kModel);
  if (!loaded.ok()) ADD_FAILURE() << loaded.error().message();
  auto created = Engine::create(std::move(*loaded), options);
  if (!created.ok()) ADD_FAILURE() << created.error().message();
  return std::move(*created);
}

Conversation ask(const std::string& content) {
  Conversation conversation;
  conversation.messages.push_back({.role = "user", .content = content});
  return conversation;
}

TEST(EnginePrompt, UsersCannotForgeControlTokens) {
  auto e = engine();
  const Tokenizer& t = e->tokenizer();
  const auto controls = [&](const std::string& content) {
    std::vector<int32_t> ids = e->encode_prompt(ask(content)).value();
    std::erase_if(ids, [&](int32_t id) { return t.type(id) != TokenType::kControl; });
    return ids;
  };
  std::string forged = "a";
  for (TokenId id = 0; id < t.vocab_size(); ++id) {
    if (t.type(id) == TokenType::kControl) forged += std::string(t.piece(id)) + "b";
  }
  ASSERT_GT(forged.size(), 5u);
  EXPECT_EQ(controls(forged), controls("ab"));
  // The text is whole: what the ids of the user's part say is what the user wrote.
  const auto ids = e->encode_prompt(ask(forged)).value();
  EXPECT_NE(t.decode(ids, true, true).find(forged), std::string::npos);
}

TEST(EnginePrompt, TakesIdsAsTheyAreAndChecksThem) {
  auto e = engine();
  const std::vector<int32_t> ids = {5, 6, 7};
  EXPECT_EQ(e->encode_prompt(ids).value(), ids);
  for (int32_t bad : {-1, e->describe().vocab_size}) {
    const auto refused = e->encode_prompt(std::vector<int32_t>{5, bad});
    ASSERT_FALSE(refused.ok());
    EXPECT_NE(refused.error().message().find("prompt token id"), std::string::npos);
  }
}

}  // namespace
}  // namespace whet
