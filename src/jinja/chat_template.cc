#include "jinja/chat_template.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "jinja/json_value.h"

namespace whet::jinja {
namespace {

using Json = nlohmann::ordered_json;

// A message as transformers hands it to a template: what is absent has no key.
Json message_json(const ChatMessage& message) {
  Json json{{"role", message.role}, {"content", message.content}};
  if (!message.reasoning.empty()) json["reasoning_content"] = message.reasoning;
  if (!message.name.empty()) json["name"] = message.name;
  if (!message.tool_call_id.empty()) json["tool_call_id"] = message.tool_call_id;
  for (const ToolCall& call : message.tool_calls) {
    // Templates iterate over arguments or print them as JSON, so they get the object.
    Json arguments = Json::parse(call.arguments, nullptr, false);
    if (!arguments.is_object()) arguments = call.arguments;
    json["tool_calls"].push_back({{"type", "function"},
                                  {"id", call.id},
                                  {"function", {{"name", call.name}, {"arguments", arguments}}}});
  }
  return json;
}

Result<Json> parse_optional(const std::string& text, Json::value_t type, std::string_view what) {
  if (text.empty()) return Json(nullptr);
  Json json = Json::parse(text, nullptr, false);
  if (json.type() != type) {
    return Error(ErrorCode::kInvalidArgument,
                 fmt::format("{}: expected a JSON {}, found {}", what,
                             type == Json::value_t::array ? "array" : "object",
                             json.is_discarded() ? "no JSON" : json.type_name()));
  }
  return json;
}

std::tm current_local_time() {
  const std::time_t now = std::time(nullptr);
  std::tm local{};
  localtime_r(&now, &local);
  return local;
}

std::string formatted(const std::tm& time, const char* format) {
  char buffer[32];
  return {buffer, std::strftime(buffer, sizeof buffer, format, &time)};
}

constexpr std::string_view kOpensThinking = "<think>";
constexpr std::string_view kClosesThinking = "</think>";

/// Some templates open the reasoning whatever they are told; where it is switched off, the answer
/// has to begin behind it.
void close_thinking(const Json& arguments, std::string& text) {
  const auto thinking = arguments.find("enable_thinking");
  if (thinking == arguments.end() || *thinking != false) return;
  const size_t end = text.find_last_not_of(" \t\r\n") + 1;
  if (std::string_view(text).substr(0, end).ends_with(kOpensThinking)) text += kClosesThinking;
}

void set(Template::Variables& variables, std::string_view name, Value value) {
  for (auto& [known, old] : variables) {
    if (known == name) {
      old = std::move(value);
      return;
    }
  }
  variables.emplace_back(name, std::move(value));
}

/// Sets each member of an object, or nothing for null.
Status set_all(Template::Variables& variables, const Json* object, int max_depth) {
  if (object == nullptr || object->is_null()) return ok_status();
  if (!object->is_object()) {
    return Error(ErrorCode::kInvalidArgument, "chat template arguments: expected a JSON object");
  }
  for (const auto& [name, json] : object->items()) {
    auto value = from_json(json, max_depth);
    if (!value.ok()) return value.error().with_context("chat template argument " + name);
    set(variables, name, std::move(*value));
  }
  return ok_status();
}

/// Ends `text` behind the last `content`, as transformers' continue_final_message.
Status cut_behind(std::string content, std::string& text) {
  content.erase(content.find_last_not_of(" \t\r\n") + 1);
  content.erase(0, content.find_first_not_of(" \t\r\n"));
  const size_t found = text.rfind(content);
  if (found == std::string::npos) {
    return Error(ErrorCode::kInvalidArgument,
                 "the last message cannot be continued: the chat template does not print it");
  }
  text.resize(found + content.size());
  return ok_status();
}

}  // namespace

Result<ChatTemplate> ChatTemplate::compile(std::string source) {
  auto parsed = Template::compile(source);
  if (!parsed.ok()) return parsed.error().with_context("chat template");
  return ChatTemplate(std::move(parsed).value());
}

Result<std::string> ChatTemplate::render(const std::vector<ChatMessage>& messages,
                                         const Options& options) const {
  Conversation conversation;
  conversation.messages = messages;
  const ControlFinder nothing = [](std::string_view) {
    return std::vector<std::pair<size_t, size_t>>();
  };
  WHET_TRY(std::vector<PromptPart> parts, render(conversation, options, nothing));
  return parts.empty() ? std::string() : std::move(parts.front().text);
}

Result<std::vector<PromptPart>> ChatTemplate::render(const Conversation& conversation,
                                                     const Options& options,
                                                     const ControlFinder& find_control) const {
  Json messages = Json::array();
  for (const ChatMessage& message : conversation.messages) {
    messages.push_back(message_json(message));
  }
  WHET_TRY(Json tools, parse_optional(conversation.tools, Json::value_t::array, "tools"));
  WHET_TRY(Json arguments, parse_optional(conversation.template_arguments, Json::value_t::object,
                                          "chat template arguments"));
  UserGuard guard(find_control);
  if (!guard.protect({&messages, &tools, &arguments})) {
    return Error(ErrorCode::kInvalidArgument,
                 "the conversation holds all noncharacters from U+FDD0 to U+FDEF; expected text");
  }
  const bool continues = conversation.continue_last && !conversation.messages.empty();
  const int depth = options.limits.max_value_depth - 1;
  WHET_TRY(Value messages_value, from_json(messages, depth).with_context("messages"));
  WHET_TRY(Value tools_value, from_json(tools, depth).with_context("tools"));
  // transformers always passes tools and documents, as None where there are none.
  Template::Variables variables = {
      {"messages", std::move(messages_value)},
      {"tools", std::move(tools_value)},
      {"documents", None{}},
      {"add_generation_prompt", Value::boolean(options.add_generation_prompt && !continues)},
      {"bos_token", Value::constant_text(options.bos_token)},
      {"eos_token", Value::constant_text(options.eos_token)},
  };
  const std::tm time = options.local_time ? *options.local_time : current_local_time();
  if (options.gives_date) {
    variables.emplace_back("date_string", Value::constant_text(formatted(time, "%d %b %Y")));
    variables.emplace_back("datetime", Value::constant_text(formatted(time, "%b %d %Y")));
  }
  WHET_TRY_STATUS(set_all(variables, options.extra, depth));
  WHET_TRY_STATUS(set_all(variables, &arguments, depth));
  WHET_TRY(std::string text,
           template_.render(variables, time, options.limits).with_context("chat template"));
  if (continues) {
    WHET_TRY_STATUS(cut_behind(messages.back().at("content").get<std::string>(), text));
  } else {
    close_thinking(arguments, text);
  }
  return guard.parts(text);
}

}  // namespace whet::jinja
