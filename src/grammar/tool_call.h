// Tool calls as grammars: the text around a call, as the model's template writes it, and arguments
// that suit the tool's schema.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "grammar/grammar.h"
#include "grammar/json_text.h"

namespace whet::grammar {

struct Tool {
  std::string name;
  Json parameters;  // a schema of the arguments
};

/// How a model writes a call. These are Qwen's and Hermes's forms.
struct ToolCallText {
  std::string trigger = "<tool_call>";  // before_name begins with it
  std::string before_name = "<tool_call>\n{\"name\": \"";
  std::string before_arguments = "\", \"arguments\": ";
  std::string after = "}\n</tool_call>";
  std::string between_calls = "\n";
};

enum class ToolChoice {
  kAuto,      // free text, in which calls may stand; a call begins where the trigger does
  kRequired,  // at least one call and nothing else
};

struct ToolCallOptions {
  ToolCallText text;
  ToolChoice choice = ToolChoice::kRequired;
  bool parallel = true;  // more than one call
};

/// Calls of any of `tools`; to force one tool, give only that one. Errors (kInvalidArgument): no
/// tools, two of one name, a name that is not letters, digits, _ . and -, a trigger
/// that is not what calls begin with, what json_schema_grammar() refuses (names the tool).
Result<std::shared_ptr<const Grammar>> tool_call_grammar(const std::vector<Tool>& tools,
                                                         const ToolCallOptions& options = {});

}  // namespace whet::grammar
