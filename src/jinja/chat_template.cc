#include "jinja/chat_template.h"

#include <nlohmann/json.hpp>

#include "jinja/json_value.h"
#include "jinja/mapping.h"

namespace whet::jinja {
namespace {

Value message_value(const ChatMessage& message) {
  Mapping mapping;
  mapping.set(Value::constant_text("role"), Value::constant_text(message.role));
  mapping.set(Value::constant_text("content"), Value::constant_text(message.content));
  return Value(std::make_shared<const Mapping>(std::move(mapping)));
}

Value messages_value(const std::vector<ChatMessage>& messages) {
  Sequence list;
  list.depth = 2;
  for (const auto& message : messages) list.items.push_back(message_value(message));
  return Value(std::make_shared<const Sequence>(std::move(list)));
}

std::tm current_local_time() {
  const std::time_t now = std::time(nullptr);
  std::tm local{};
  localtime_r(&now, &local);
  return local;
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

}  // namespace

Result<ChatTemplate> ChatTemplate::compile(std::string source) {
  auto parsed = Template::compile(source);
  if (!parsed.ok()) return parsed.error().with_context("chat template");
  return ChatTemplate(std::move(parsed).value());
}

Result<std::string> ChatTemplate::render(const std::vector<ChatMessage>& messages,
                                         const Options& options) const {
  // transformers always passes tools and documents, as None where there are none.
  Template::Variables variables = {
      {"messages", messages_value(messages)},
      {"tools", None{}},
      {"documents", None{}},
      {"add_generation_prompt", Value::boolean(options.add_generation_prompt)},
      {"bos_token", Value::constant_text(options.bos_token)},
      {"eos_token", Value::constant_text(options.eos_token)},
  };
  if (options.extra && !options.extra->is_null()) {
    if (!options.extra->is_object()) {
      return Error(ErrorCode::kInvalidArgument, "chat template arguments: expected a JSON object");
    }
    for (const auto& [name, json] : options.extra->items()) {
      auto value = from_json(json, options.limits.max_value_depth - 1);
      if (!value.ok()) return value.error().with_context("chat template argument " + name);
      set(variables, name, std::move(*value));
    }
  }
  const std::tm time = options.local_time ? *options.local_time : current_local_time();
  return template_.render(variables, time, options.limits).with_context("chat template");
}

}  // namespace whet::jinja
