// What tests of strategies share: a question, a script, and a strategy at work on both.
#pragma once

#include <gtest/gtest.h>

#include <string>
#include <variant>
#include <vector>

#include "strategy/registry.h"
#include "strategy/scripted_generator.h"

namespace whet::strategy {

using Script = std::vector<ScriptedCompletion>;

inline eval::Question numeric() {
  eval::Question question;
  question.messages = eval::user_turn("How many?");
  question.kind = eval::AnswerKind::kNumeric;
  return question;
}

inline Outcome solve(const std::string& spec, const eval::Question& question,
                     ScriptedGenerator& generator, const Context& context = {}) {
  const auto strategy = make_strategy(spec);
  EXPECT_TRUE(strategy.ok()) << strategy.error().message();
  auto outcome = (*strategy)->solve(question, generator, context);
  EXPECT_TRUE(outcome.ok()) << outcome.error().message();
  return std::move(outcome).value();
}

inline const std::vector<ChatMessage>& messages_of(const GenerateRequest& request) {
  return std::get<Conversation>(request.prompt).messages;
}

}  // namespace whet::strategy
