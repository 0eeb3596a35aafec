// Prompt: what a model is asked to continue.
#pragma once

#include <cstdint>
#include <string>
#include <variant>
#include <vector>

namespace whet {

/// A call of a tool that the assistant made.
struct ToolCall {
  std::string id;
  std::string name;
  std::string arguments;  // JSON text of an object
};

struct ChatMessage {
  std::string role;  // "system", "user", "assistant", "tool"
  std::string content;
  std::string reasoning = {};             // of an assistant, apart from its answer; empty = none
  std::vector<ToolCall> tool_calls = {};  // of an assistant
  std::string tool_call_id = {};          // of a tool's result: the call that it answers
  std::string name = {};                  // of a tool's result: the tool; empty = none
};

/// Messages for the model's chat template.
struct Conversation {
  std::vector<ChatMessage> messages;
  /// JSON text of an array of tools in OpenAI's form; empty = none.
  std::string tools = {};
  /// JSON text of an object with more variables for the template, e.g. {"enable_thinking": false};
  /// empty = none.
  std::string template_arguments = {};
  /// The last message is of the assistant and is continued, instead of a new turn being opened.
  bool continue_last = false;
};

/// A text (BOS added where the model wants it; spellings of control tokens are control tokens), a
/// conversation, or token ids as they are.
using Prompt = std::variant<std::string, Conversation, std::vector<int32_t>>;

/// A stretch of a rendered conversation. The parts in order are the prompt's text. Where a user
/// wrote the spelling of a control token, that stretch is a part of its own with `from_user`, and
/// is tokenized as text: nobody can close their turn by writing "<|im_end|>".
struct PromptPart {
  std::string text;
  bool from_user = false;
};
/// The parts' texts, joined.
std::string text_of(const std::vector<PromptPart>& parts);

}  // namespace whet
