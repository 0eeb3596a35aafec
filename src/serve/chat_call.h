// ChatCall: what a chat completion asks for, read from its body.
#pragma once

#include <optional>

#include "serve/openai_request.h"

namespace whet::serve {

struct ChatCall : OpenAiCall {
  bool has_tools = false;
  std::optional<Json> schema;  // that the answer must keep
};

/// Reads the body; the conversation, tools and constraints go into the request. What is wrong stays
/// in `fields`.
ChatCall read_chat(Fields& fields, const Server& server);

/// The model's template ends the prompt with an opening tag of reasoning.
bool opens_reasoning(const Engine& engine, const Prompt& prompt);

}  // namespace whet::serve
