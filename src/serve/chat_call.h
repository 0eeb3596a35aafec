// ChatCall: what a chat completion asks for, read from its body.
#pragma once

#include <optional>

#include "serve/openai_request.h"

namespace whet::serve {

struct ChatCall : OpenAiCall {
  bool has_tools = false;
  bool forces_tool = false;  // required, or named
  bool wants_logprobs = false;
  bool has_effort = false;  // a "reasoning_effort" that the template is to read
  bool splits_reasoning = true;
  std::optional<Json> schema;  // that the answer must keep
};

/// Whether the last message is to be continued: as vLLM's "continue_final_message" says, and
/// without it where the assistant wrote it.
bool read_continue_last(Fields& fields, const Conversation& conversation);

/// The variables of a request for the model's template, as JSON text, or empty: its
/// "chat_template_kwargs", "add_generation_prompt", "reasoning_effort" (into `effort` too) and
/// "reasoning_budget_tokens", and the server's own choice of thinking where it makes none. What is
/// wrong stays in `fields`.
std::string read_template_arguments(Fields& fields, const Server& server, std::string& effort);

/// Reads the body; the conversation, tools and constraints go into the request. What is wrong stays
/// in `fields`.
ChatCall read_chat(Fields& fields, const Server& server);

/// Names as ignored what the model's template does not read. False, and the exchange failed, where
/// that is an error.
bool note_moot(Exchange& exchange, const ChatCall& call, const Engine& engine);

/// The model's template ends the prompt with an opening tag of reasoning.
bool opens_reasoning(const Engine& engine, const Prompt& prompt);

}  // namespace whet::serve
