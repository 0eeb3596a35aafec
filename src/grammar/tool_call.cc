#include "grammar/tool_call.h"

#include <fmt/format.h>

#include <set>

#include "grammar/json_schema.h"

namespace whet::grammar {
namespace {

Error invalid(std::string message) {
  return Error(ErrorCode::kInvalidArgument, std::move(message));
}

bool is_name(std::string_view name) {
  return !name.empty() && name.size() <= 128 &&
         name.find_first_not_of(
             "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-") == name.npos;
}

}  // namespace

Result<std::shared_ptr<const Grammar>> tool_call_grammar(const std::vector<Tool>& tools,
                                                         const ToolCallOptions& options) {
  if (tools.empty()) return invalid("tools: expected at least one, found none");
  const ToolCallText& text = options.text;
  if (text.trigger.empty() || !text.before_name.starts_with(text.trigger)) {
    return invalid("tools: the trigger is not the beginning of the text before a tool's name");
  }
  RuleSet rules;
  std::set<std::string> names;
  std::vector<ExprId> bodies;  // of a call, behind before_name
  for (const Tool& tool : tools) {
    if (!is_name(tool.name)) {
      return invalid(fmt::format(
          "tools: the name \"{}\" is not 1 to 128 letters, digits, _ . and -", tool.name));
    }
    if (!names.insert(tool.name).second) {
      return invalid(fmt::format("tools: two are named \"{}\"", tool.name));
    }
    auto arguments = add_json_schema(rules, tool.parameters);
    if (!arguments.ok()) {
      return arguments.error().with_context(fmt::format("tool {}", tool.name));
    }
    bodies.push_back(rules.sequence(
        {rules.literal(tool.name + text.before_arguments), *arguments, rules.literal(text.after)}));
  }
  const ExprId body = rules.call(rules.add_rule("tool call", rules.any_of(std::move(bodies))));
  if (options.choice == ToolChoice::kAuto) {
    const ExprId rest = rules.literal(text.before_name.substr(text.trigger.size()));
    const ExprId before = rules.free_text_until({text.trigger});
    const ExprId no_call = rules.free_text({text.trigger});
    const RuleId turn = rules.declare("turn");
    const ExprId after = options.parallel ? rules.call(turn) : no_call;
    rules.define(turn, rules.any_of({no_call, rules.sequence({before, rest, body, after})}));
    return Grammar::compile(rules, rules.call(turn));
  }
  const ExprId call = rules.sequence({rules.literal(text.before_name), body});
  const ExprId more = rules.sequence({rules.literal(text.between_calls + text.before_name), body});
  return Grammar::compile(
      rules, options.parallel ? rules.sequence({call, rules.repeat(more, 0, std::nullopt)}) : call);
}

}  // namespace whet::grammar
