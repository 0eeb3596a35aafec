// What holds an answer to a form: response_format, json_schema, grammar, regex, choice, and the
// choice of a tool.
#pragma once

#include <optional>
#include <string>

#include "generator/generator.h"
#include "serve/fields.h"

namespace whet::serve {

struct ToolChoice {
  enum class Kind { kAuto, kNone, kRequired, kNamed } kind = Kind::kAuto;
  std::string name;
  bool parallel = true;  // more than one call
};

/// "tools": an array of functions with names; null where there are none.
const Json* read_tools(Fields& fields);

/// "tool_choice" beside "tools" (may be null).
ToolChoice read_tool_choice(Fields& fields, const Json* tools);

/// Sets the grammar of a request from its fields and its choice of a tool (`tools` may be null).
/// What cannot be held to is an error in `fields`, never ignored. Returns the JSON schema that the
/// answer must keep, if there is one.
std::optional<Json> read_constraint(Fields& fields, const ToolChoice& choice, const Json* tools,
                                    GenerateRequest& request);

/// Sets the grammar to a schema; errors name the field. For Ollama's "format".
void hold_to_schema(Fields& fields, const std::string& name, const Json& schema,
                    GenerateRequest& request);

/// Why a finished answer breaks its schema, if it does: a grammar takes oneOf for anyOf.
std::optional<ApiError> check_schema(const std::optional<Json>& schema,
                                     const GenerateResult& result);

}  // namespace whet::serve
