#include "serve/responses_request.h"

#include <fmt/format.h>

#include <algorithm>
#include <initializer_list>

namespace whet::serve {
namespace {

/// The text of a "content" or an "output": a string, or parts of one of `types`.
std::string text_of(Fields& fields, const std::string& name,
                    std::initializer_list<std::string_view> types) {
  const Json* json = fields.value(name);
  if (json == nullptr) {
    fields.fail(name, "a string or an array of text parts");
    return "";
  }
  if (json->is_string()) return json->get<std::string>();
  std::string text;
  if (json->is_array()) {
    for (const Json& part : *json) {
      const std::string type = part.is_object() ? part.value("type", Json("")).dump() : "";
      const char* key = type == "\"refusal\"" ? "refusal" : "text";
      const bool known = std::ranges::any_of(
          types, [&](std::string_view t) { return type == fmt::format("\"{}\"", t); });
      if (!known || !part.contains(key) || !part[key].is_string()) {
        fields.fail(name, fmt::format("parts of type {} (this server reads no images or files)",
                                      fmt::join(types, ", ")));
        return "";
      }
      text += part[key].get<std::string>();
    }
    return text;
  }
  fields.fail(name, "a string or an array of text parts");
  return "";
}

/// Turns items into messages; calls and reasoning belong to the assistant's message beside them.
class Messages {
 public:
  void add(Fields& item) {
    const std::string type = item.text("type", "message");
    item.ignore({"id", "status"});
    if (type == "message") {
      add_message(item);
    } else if (type == "reasoning") {
      add_reasoning(item);
    } else if (type == "function_call") {
      assistant()["tool_calls"].push_back(
          {{"id", item.text("call_id", "")},
           {"type", "function"},
           {"function",
            {{"name", item.text("name", "")}, {"arguments", item.text("arguments", "{}")}}}});
    } else if (type == "function_call_output") {
      list_.push_back({{"role", "tool"},
                       {"tool_call_id", item.text("call_id", "")},
                       {"content", text_of(item, "output", {"input_text", "output_text"})}});
    } else {
      item.fail("type", "message, reasoning, function_call or function_call_output");
    }
  }
  void add(std::string_view role, std::string text) {
    list_.push_back({{"role", role}, {"content", std::move(text)}});
  }
  Json take() { return std::move(list_); }

 private:
  void add_message(Fields& item) {
    const std::string role = item.text("role", "");
    if (role != "user" && role != "assistant" && role != "system" && role != "developer") {
      return item.fail("role", "user, assistant, system or developer");
    }
    item.ignore({"phase"});
    std::string text = text_of(item, "content", {"input_text", "output_text", "text", "refusal"});
    if (role != "assistant") return add(role, std::move(text));
    Json& message = assistant();
    if (message.contains("content")) {
      add(role, std::move(text));
    } else {
      message["content"] = std::move(text);
    }
  }

  void add_reasoning(Fields& item) {
    std::string text;
    for (const char* name : {"content", "summary"}) {
      const Json* parts = item.value(name);
      if (parts == nullptr || !parts->is_array() || !text.empty()) continue;
      for (const Json& part : *parts) {
        if (part.is_object() && part.contains("text") && part["text"].is_string()) {
          text += part["text"].get<std::string>();
        }
      }
    }
    item.ignore({"encrypted_content"});
    list_.push_back({{"role", "assistant"}, {"reasoning_content", std::move(text)}});
  }

  /// The assistant's message that goes on, or a new one.
  Json& assistant() {
    if (list_.empty() || list_.back()["role"] != "assistant") {
      list_.push_back({{"role", "assistant"}});
    }
    return list_.back();
  }

  Json list_ = Json::array();
};

Json read_input(Fields& fields) {
  Messages messages;
  if (std::string text = fields.text("instructions", ""); !text.empty()) {
    messages.add("system", std::move(text));
  }
  const Json* input = fields.value("input");
  if (input != nullptr && input->is_string()) {
    messages.add("user", input->get<std::string>());
  } else if (input != nullptr && input->is_array() && !input->empty()) {
    for (size_t i = 0; i < input->size(); ++i) {
      const std::string path = fmt::format("input[{}]", i);
      if (!(*input)[i].is_object()) {
        fields.fail({400, fmt::format("\"{}\": expected an object", path), path});
        break;
      }
      Fields item((*input)[i], path + ".");
      messages.add(item);
      if (item.error()) {
        fields.fail(*item.error());
        break;
      }
    }
  } else {
    fields.fail("input", "a string or a non-empty array of items");
  }
  Json list = messages.take();
  for (Json& message : list) {
    // A turn that only thought, or only called, said nothing.
    if (!message.contains("content") && !message.contains("tool_calls")) message["content"] = "";
  }
  return list;
}

Json function_tools(Fields& fields) {
  Json tools = Json::array();
  const Json* json = fields.value("tools");
  if (json == nullptr) return tools;
  if (!json->is_array()) {
    fields.fail("tools", "an array");
    return tools;
  }
  for (const Json& tool : *json) {
    const bool is_function = tool.is_object() && tool.value("type", Json()) == "function" &&
                             tool.contains("name") && tool["name"].is_string();
    if (!is_function) {
      fields.fail("tools", "tools of type function with a name (there are no built-in tools here)");
      return tools;
    }
    Json function = Json::object();
    for (const char* name : {"name", "description", "parameters", "strict"}) {
      if (tool.contains(name) && !tool[name].is_null()) function[name] = tool[name];
    }
    tools.push_back({{"type", "function"}, {"function", std::move(function)}});
  }
  return tools;
}

Json read_tool_choice(Fields& fields) {
  const Json* json = fields.value("tool_choice");
  if (json == nullptr || json->is_string()) return json == nullptr ? Json() : *json;
  if (json->is_object() && json->value("type", Json()) == "function" && json->contains("name")) {
    return {{"type", "function"}, {"function", {{"name", (*json)["name"]}}}};
  }
  fields.fail("tool_choice",
              "\"auto\", \"none\", \"required\" or {\"type\": \"function\", \"name\": ...}");
  return nullptr;
}

Json read_format(Fields& fields) {
  const Json* text = fields.value("text");
  if (text == nullptr) return nullptr;
  if (!text->is_object()) {
    fields.fail("text", "an object");
    return nullptr;
  }
  Fields inner(*text, "text.");
  inner.ignore({"verbosity"});
  const Json* format = inner.value("format");
  Json response_format;
  if (format != nullptr) {
    const Json type = format->is_object() ? format->value("type", Json()) : Json();
    if (type == "json_schema" && format->contains("schema")) {
      response_format = {{"type", type}, {"json_schema", *format}};
    } else if (type == "text" || type == "json_object") {
      response_format = *format;
    } else {
      inner.fail("format",
                 "{\"type\": \"text\"}, {\"type\": \"json_object\"} or {\"type\": "
                 "\"json_schema\", \"schema\": ...}");
    }
  }
  if (inner.error()) fields.fail(*inner.error());
  return response_format;
}

/// What would need a memory of earlier requests.
void refuse_state(Fields& fields) {
  for (const char* name : {"previous_response_id", "conversation", "prompt"}) {
    if (fields.value(name) != nullptr) {
      fields.fail(name, "nothing: this server keeps no responses; send the whole conversation");
    }
  }
  if (fields.flag("background", false)) fields.fail("background", "false");
  if (const std::string how = fields.text("truncation", "disabled"); how != "disabled") {
    fields.fail("truncation", "\"disabled\": a text that is too long is an error here");
  }
}

}  // namespace

Json responses_as_chat(Fields& fields) {
  Json chat{{"messages", read_input(fields)}};
  // What both call the same; the sampling of other servers too.
  for (const char* name : {"model", "stream", "temperature", "top_p", "parallel_tool_calls", "seed",
                           "top_k", "min_p", "stop", "presence_penalty", "frequency_penalty",
                           "logit_bias", "ignore_eos", "min_tokens", "chat_template_kwargs"}) {
    if (const Json* json = fields.value(name)) chat[name] = *json;
  }
  if (const Json* json = fields.value("max_output_tokens")) chat["max_tokens"] = *json;
  if (Json tools = function_tools(fields); !tools.empty()) chat["tools"] = std::move(tools);
  if (Json choice = read_tool_choice(fields); !choice.is_null()) {
    chat["tool_choice"] = std::move(choice);
  }
  if (Json format = read_format(fields); !format.is_null()) {
    chat["response_format"] = std::move(format);
  }
  if (const Json* reasoning = fields.value("reasoning")) {
    if (!reasoning->is_object()) {
      fields.fail("reasoning", "an object");
    } else if (reasoning->contains("effort")) {
      chat["reasoning_effort"] = (*reasoning)["effort"];
    }
  }
  const auto top = fields.integer("top_logprobs", 0, 0, 20);
  bool wants_logprobs = top > 0;
  for (const std::string& extra : fields.texts("include")) {
    wants_logprobs |= extra == "message.output_text.logprobs";
  }
  if (wants_logprobs) {
    chat["logprobs"] = true;
    chat["top_logprobs"] = top;
  }
  refuse_state(fields);
  fields.value("metadata");
  fields.ignore({"store", "user", "service_tier", "safety_identifier", "prompt_cache_key",
                 "prompt_cache_retention", "max_tool_calls", "stream_options"});
  return chat;
}

}  // namespace whet::serve
