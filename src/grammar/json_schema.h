// JSON schemas as grammars: texts that are values of the schema. The supported keywords are in
// docs/grammar.md; others are errors, never ignored.
#pragma once

#include <memory>

#include "grammar/grammar.h"
#include "grammar/json_text.h"

namespace whet::grammar {

/// A schema from its text: JSON, no key twice, of bounded depth and size.
Result<Json> parse_json_schema(std::string_view text);

/// `schema` as parse_json_schema() gives it, members in the order that properties shall be written.
/// Errors (kInvalidArgument) name the JSON pointer: unsupported keywords, values of the wrong kind,
/// schemas that no value satisfies, references that lead nowhere.
Result<std::shared_ptr<const Grammar>> json_schema_grammar(const Json& schema);

/// The same as a part of a larger grammar.
Result<ExprId> add_json_schema(RuleSet& rules, const Json& schema);

/// Any JSON object.
std::shared_ptr<const Grammar> json_object_grammar();

}  // namespace whet::grammar
