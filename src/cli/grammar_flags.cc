#include "cli/grammar_flags.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <vector>

#include "grammar/gbnf.h"
#include "grammar/json_schema.h"
#include "grammar/schema_validator.h"
#include "sys/file_bytes.h"

namespace whet {
namespace {

constexpr uint64_t kMaxGrammarBytes = uint64_t{8} << 20;

Result<AnswerForm> of_grammar(std::string_view text) {
  WHET_TRY(auto compiled, grammar::gbnf_grammar(text));
  return AnswerForm{std::move(compiled), std::nullopt};
}

Result<AnswerForm> of_schema(std::string_view text) {
  WHET_TRY(grammar::Json schema, grammar::parse_json_schema(text));
  WHET_TRY(auto compiled, grammar::json_schema_grammar(schema));
  return AnswerForm{std::move(compiled), std::move(schema)};
}

}  // namespace

Status AnswerForm::check(std::string_view answer) const {
  if (!schema.has_value()) return ok_status();
  WHET_TRY(const auto violation, grammar::validate_text(*schema, answer));
  if (!violation.has_value()) return ok_status();
  return Error(
      ErrorCode::kInternal,
      fmt::format("the answer violates the schema: #{} of the schema, {} of the answer: {}",
                  violation->schema_pointer,
                  violation->value_pointer.empty() ? "the whole" : violation->value_pointer,
                  violation->message));
}

void GrammarFlags::add_to(Command& command) {
  command.add("--grammar", &grammar, "GBNF that the answer must match (docs/grammar.md)");
  command.add("--grammar-file", &grammar_file, "file that holds it").value_name("FILE");
  command.add("-j,--json-schema", &json_schema, "JSON schema that the answer must suit");
  command.add("-jf,--json-schema-file", &json_schema_file, "file that holds it").value_name("FILE");
  command.add("--format", &format, "json: any JSON object");
}

Result<AnswerForm> GrammarFlags::resolve() const {
  std::vector<std::string> given;
  for (const auto& [flag, value] :
       {std::pair{"--grammar", &grammar}, std::pair{"--grammar-file", &grammar_file},
        std::pair{"--json-schema", &json_schema},
        std::pair{"--json-schema-file", &json_schema_file}, std::pair{"--format", &format}}) {
    if (!value->empty()) given.emplace_back(flag);
  }
  if (given.empty()) return AnswerForm{};
  if (given.size() > 1) {
    return Error(ErrorCode::kInvalidArgument,
                 fmt::format("give only one of {} and {}", given[0],
                             fmt::join(given.begin() + 1, given.end(), " and ")));
  }
  const std::string& flag = given[0];
  auto result = [&]() -> Result<AnswerForm> {
    if (flag == "--grammar") return of_grammar(grammar);
    if (flag == "--json-schema") return of_schema(json_schema);
    if (flag == "--format") {
      if (format == "json") return AnswerForm{grammar::json_object_grammar(), std::nullopt};
      return Error(ErrorCode::kInvalidArgument, fmt::format("expected json, found {}", format));
    }
    const bool is_grammar = flag == "--grammar-file";
    WHET_TRY(const std::string text,
             read_file(is_grammar ? grammar_file : json_schema_file, kMaxGrammarBytes));
    return is_grammar ? of_grammar(text) : of_schema(text);
  }();
  return std::move(result).with_context(flag);
}

}  // namespace whet
