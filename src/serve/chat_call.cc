#include "serve/chat_call.h"

#include "serve/constrained.h"

namespace whet::serve {
namespace {

constexpr int kMaxTopLogprobs = 20;

/// Of how a reply shows reasoning: apart from the answer, or as the model writes it.
bool read_reasoning_format(Fields& fields, bool fallback) {
  const std::string format = fields.text("reasoning_format", "");
  if (format.empty()) return fallback;
  if (format != "none" && format != "auto" && format != "deepseek") {
    fields.fail("reasoning_format", "\"none\", \"auto\" or \"deepseek\"");
  }
  return format != "none";
}

}  // namespace

bool read_continue_last(Fields& fields, const Conversation& conversation) {
  const bool ends_with_answer =
      !conversation.messages.empty() && conversation.messages.back().role == "assistant";
  if (fields.value("continue_final_message") == nullptr) return ends_with_answer;
  if (!fields.flag("continue_final_message", false)) return false;
  if (fields.value("add_generation_prompt") != nullptr &&
      fields.flag("add_generation_prompt", true)) {
    fields.fail("continue_final_message", "false beside \"add_generation_prompt\": true");
  } else if (!ends_with_answer) {
    fields.fail("continue_final_message", "a last message of the assistant");
  }
  return ends_with_answer;
}

std::string read_template_arguments(Fields& fields, const Server& server, std::string& effort) {
  Json arguments = Json::object();
  if (const Json* more = fields.value("chat_template_kwargs")) {
    if (more->is_object()) {
      arguments = *more;
    } else {
      fields.fail("chat_template_kwargs", "an object");
    }
  }
  if (!fields.flag("add_generation_prompt", true)) arguments["add_generation_prompt"] = false;
  effort = fields.text("reasoning_effort", "");
  const bool thinks_not = effort == "none" ||
                          fields.integer("reasoning_budget_tokens", -1, -1, 0) == 0 ||
                          fields.integer("thinking_budget_tokens", -1, -1, 0) == 0;
  if (effort == "none") effort.clear();
  if (!effort.empty()) arguments["reasoning_effort"] = effort;
  if (thinks_not) {
    arguments["enable_thinking"] = false;
  } else if (server.options().thinks && !arguments.contains("enable_thinking")) {
    arguments["enable_thinking"] = *server.options().thinks;
  }
  return arguments.empty() ? "" : dump(arguments);
}

ChatCall read_chat(Fields& fields, const Server& server) {
  ChatCall call;
  static_cast<OpenAiCall&>(call) = read_call(fields, server);
  Conversation conversation;
  conversation.messages = read_messages(fields, "messages");
  conversation.continue_last = read_continue_last(fields, conversation);
  const Json* tools = read_tools(fields);
  std::string effort;
  conversation.template_arguments = read_template_arguments(fields, server, effort);
  call.has_effort = !effort.empty();
  call.splits_reasoning = read_reasoning_format(fields, server.options().reasoning);

  const ToolChoice choice = read_tool_choice(fields, tools);
  call.has_tools = tools != nullptr && choice.kind != ToolChoice::Kind::kNone;
  call.forces_tool = call.has_tools && choice.kind != ToolChoice::Kind::kAuto;
  if (call.has_tools) conversation.tools = dump(*tools);
  call.request.prompt = std::move(conversation);
  call.schema = read_constraint(fields, choice, call.has_tools ? tools : nullptr, call.request);

  call.wants_logprobs = fields.flag("logprobs", false);
  const auto top = static_cast<int>(fields.integer("top_logprobs", 0, 0, kMaxTopLogprobs));
  if (call.wants_logprobs) call.request.top_logprobs = top;
  if (!call.wants_logprobs && top > 0) {
    fields.fail({400, "\"top_logprobs\": expected \"logprobs\": true beside it, found none",
                 "top_logprobs"});
  }
  return call;
}

bool note_moot(Exchange& exchange, const ChatCall& call, const Engine& engine) {
  const std::string& source = engine.loaded().chat_template_source;
  const auto reads = [&](const char* name) { return source.find(name) != std::string::npos; };
  // Calls that are demanded are held to by a grammar, whatever the template shows of the tools.
  if (call.has_tools && !call.forces_tool && !reads("tools") && !exchange.ignore("tools")) {
    return false;
  }
  return !call.has_effort || reads("reasoning_effort") || exchange.ignore("reasoning_effort");
}

bool opens_reasoning(const Engine& engine, const Prompt& prompt) {
  const auto* conversation = std::get_if<Conversation>(&prompt);
  if (conversation == nullptr) return false;
  const auto parts = engine.render_chat(*conversation);
  if (!parts.ok()) return false;  // generate() will say why
  std::string text = text_of(*parts);
  text.erase(text.find_last_not_of(" \t\r\n") + 1);
  return text.ends_with("<think>");
}

}  // namespace whet::serve
