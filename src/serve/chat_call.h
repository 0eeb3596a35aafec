// ChatCall: what a chat completion asks for, read from its body.
#pragma once

#include <optional>

#include "serve/openai_request.h"

namespace whet::serve {

struct ChatCall : OpenAiCall {
  bool has_tools = false;
  bool forces_tool = false;  // required, or named
  bool wants_logprobs = false;
  bool has_effort = false;     // a "reasoning_effort"
  std::optional<Json> schema;  // that the answer must keep
};

/// Reads the body; the conversation, tools and constraints go into the request. What is wrong stays
/// in `fields`.
ChatCall read_chat(Fields& fields, const Server& server);

/// Names as ignored what the model's template does not read. False, and the exchange failed, where
/// that is an error.
bool note_moot(Exchange& exchange, const ChatCall& call, const Engine& engine);

/// The model's template ends the prompt with an opening tag of reasoning.
bool opens_reasoning(const Engine& engine, const Prompt& prompt);

}  // namespace whet::serve
