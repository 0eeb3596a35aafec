#include "serve/constrained.h"

#include <fmt/format.h>

#include <algorithm>

#include "grammar/gbnf.h"
#include "grammar/grammar.h"
#include "grammar/json_schema.h"
#include "grammar/regex.h"
#include "grammar/schema_validator.h"
#include "grammar/tool_call.h"

namespace whet::serve {
namespace {

using GrammarResult = Result<std::shared_ptr<const grammar::Grammar>>;

/// At most one constraint may be given.
class OneGrammar {
 public:
  OneGrammar(Fields& fields, GenerateRequest& request) : fields_(fields), request_(request) {}

  void set(const std::string& name, const GrammarResult& made) {
    if (!made.ok()) {
      fields_.fail({400, fmt::format("\"{}\": {}", name, made.error().message()), name});
    } else if (!set_by_.empty()) {
      fields_.fail(
          {400, fmt::format("\"{}\" and \"{}\": expected one of them, found both", set_by_, name),
           name});
    } else {
      request_.grammar = *made;
      set_by_ = name;
    }
  }

 private:
  Fields& fields_;
  GenerateRequest& request_;
  std::string set_by_;
};

GrammarResult schema_grammar(const Json& schema) {
  if (!schema.is_object() && !schema.is_boolean()) {
    return Error(ErrorCode::kInvalidArgument,
                 fmt::format("expected a JSON schema, found {}", dump(schema).substr(0, 80)));
  }
  return grammar::json_schema_grammar(schema);
}

/// `tools` as read_tools() lets them through.
std::vector<grammar::Tool> tools_of(Fields& fields, const Json& tools, const std::string& only) {
  std::vector<grammar::Tool> list;
  for (const Json& tool : tools) {
    const Json& function = tool["function"];
    if (!only.empty() && function["name"] != only) continue;
    list.push_back({function["name"], function.value("parameters", Json::object())});
  }
  if (list.empty()) {
    fields.fail("tool_choice", fmt::format("the name of one of the tools, not \"{}\"", only));
  }
  return list;
}

bool is_function(const Json& tool) {
  if (!tool.is_object() || tool.value("type", Json("function")) != "function") return false;
  const auto function = tool.find("function");
  return function != tool.end() && function->is_object() && function->contains("name") &&
         (*function)["name"].is_string();
}

/// Reads a schema, a grammar, a pattern or choices from a field.
void set_form(Fields& fields, const std::string& name, OneGrammar& one,
              std::optional<Json>& schema) {
  const Json* json = fields.value(name);
  if (json == nullptr) return;
  if (name == "json_schema" || name == "json") {
    schema = *json;
    one.set(name, schema_grammar(*json));
  } else if (name == "choice") {
    const std::vector<std::string> choices = fields.texts(name);
    if (choices.empty()) {
      fields.fail(name, "at least one text");
    } else {
      one.set(name, grammar::choice_grammar(choices));
    }
  } else if (const std::string text = fields.text(name, ""); !text.empty()) {
    one.set(name, name == "regex" ? grammar::regex_grammar(text) : grammar::gbnf_grammar(text));
  }
}

}  // namespace

const Json* read_tools(Fields& fields) {
  const Json* tools = fields.value("tools");
  if (tools == nullptr) return nullptr;
  if (!tools->is_array() || !std::ranges::all_of(*tools, is_function)) {
    fields.fail("tools",
                "an array of functions with names: {\"type\": \"function\", \"function\": "
                "{\"name\": ...}}");
    return nullptr;
  }
  return tools->empty() ? nullptr : tools;
}

ToolChoice read_tool_choice(Fields& fields, const Json* tools) {
  ToolChoice choice;
  choice.parallel = fields.flag("parallel_tool_calls", true);
  const Json* json = fields.value("tool_choice");
  const bool has_tools = tools != nullptr;
  if (json == nullptr || *json == "auto") return choice;
  if (*json == "none") {
    choice.kind = ToolChoice::Kind::kNone;
  } else if (*json == "required" || *json == "any") {
    choice.kind = ToolChoice::Kind::kRequired;
  } else if (json->is_object() && json->contains("function") && (*json)["function"].is_object() &&
             (*json)["function"].contains("name") && (*json)["function"]["name"].is_string()) {
    choice.kind = ToolChoice::Kind::kNamed;
    choice.name = (*json)["function"]["name"];
  } else {
    fields.fail("tool_choice",
                "\"auto\", \"none\", \"required\" or {\"type\": \"function\", "
                "\"function\": {\"name\": ...}}");
  }
  if (!has_tools && choice.kind != ToolChoice::Kind::kNone) {
    fields.fail("tool_choice", "\"tools\" beside it");
  }
  return choice;
}

std::optional<Json> read_constraint(Fields& fields, const ToolChoice& choice, const Json* tools,
                                    GenerateRequest& request) {
  OneGrammar one(fields, request);
  std::optional<Json> schema;
  if (const Json* format = fields.value("response_format")) {
    const std::string type =
        format->is_object() && format->contains("type") && (*format)["type"].is_string()
            ? (*format)["type"].get<std::string>()
            : "";
    if (type == "json_object" && format->contains("schema")) {
      schema = (*format)["schema"];
      one.set("response_format", schema_grammar(*schema));
    } else if (type == "json_object") {
      one.set("response_format", GrammarResult(grammar::json_object_grammar()));
    } else if (type == "json_schema" && format->contains("json_schema") &&
               (*format)["json_schema"].is_object() &&
               (*format)["json_schema"].contains("schema")) {
      schema = (*format)["json_schema"]["schema"];
      one.set("response_format", schema_grammar(*schema));
    } else if (type != "text") {
      fields.fail("response_format",
                  "{\"type\": \"text\"}, {\"type\": \"json_object\"} or {\"type\": "
                  "\"json_schema\", \"json_schema\": {\"schema\": ...}}");
    }
  }
  for (const char* name : {"json_schema", "grammar", "regex", "choice"}) {
    set_form(fields, name, one, schema);
  }
  // vLLM's name for the same.
  if (const Json* outputs = fields.value("structured_outputs")) {
    if (!outputs->is_object()) {
      fields.fail("structured_outputs", "an object");
    } else {
      Fields inner(*outputs, "structured_outputs.");
      GenerateRequest made;
      OneGrammar one_inside(inner, made);
      for (const char* name : {"json", "grammar", "regex", "choice"}) {
        set_form(inner, name, one_inside, schema);
      }
      if (inner.error()) fields.fail(*inner.error());
      if (made.grammar != nullptr) one.set("structured_outputs", GrammarResult(made.grammar));
      fields.ignore_also(inner);
    }
  }
  const bool forced =
      choice.kind == ToolChoice::Kind::kRequired || choice.kind == ToolChoice::Kind::kNamed;
  if (forced && tools != nullptr) {
    const auto list = tools_of(fields, *tools, choice.name);
    grammar::ToolCallOptions options;
    options.parallel = choice.parallel;
    if (!list.empty()) one.set("tool_choice", grammar::tool_call_grammar(list, options));
  }
  return schema;
}

void hold_to_schema(Fields& fields, const std::string& name, const Json& schema,
                    GenerateRequest& request) {
  OneGrammar(fields, request)
      .set(name, schema == "json" ? GrammarResult(grammar::json_object_grammar())
                                  : schema_grammar(schema));
}

std::optional<ApiError> check_schema(const std::optional<Json>& schema,
                                     const GenerateResult& result) {
  if (!schema) return std::nullopt;
  for (const Completion& c : result.completions) {
    if (c.finish != FinishReason::kStop) continue;  // finish_reason says that it is not whole
    const auto violation = grammar::validate_text(*schema, c.text);
    if (!violation.ok()) return api_error(violation.error());
    if (*violation) {
      return ApiError{500, fmt::format("the answer breaks the schema at {}: {}",
                                       (*violation)->schema_pointer, (*violation)->message)};
    }
  }
  return std::nullopt;
}

}  // namespace whet::serve
