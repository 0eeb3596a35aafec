#include "serve/chat_call.h"

#include "serve/constrained.h"

namespace whet::serve {
namespace {

constexpr int kMaxTopLogprobs = 20;

}  // namespace

ChatCall read_chat(Fields& fields, const Server& server) {
  ChatCall call;
  static_cast<OpenAiCall&>(call) = read_call(fields, server);
  Conversation conversation;
  conversation.messages = read_messages(fields, "messages");
  conversation.continue_last =
      !conversation.messages.empty() && conversation.messages.back().role == "assistant";
  const Json* tools = read_tools(fields);
  Json arguments = Json::object();
  if (const Json* more = fields.value("chat_template_kwargs")) {
    if (more->is_object()) {
      arguments = *more;
    } else {
      fields.fail("chat_template_kwargs", "an object");
    }
  }
  const std::string effort = fields.text("reasoning_effort", "");
  if (!effort.empty()) arguments["reasoning_effort"] = effort;
  call.has_effort = !effort.empty();
  if (!arguments.empty()) conversation.template_arguments = dump(arguments);

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
