// The keywords of JSON schemas that whet knows; docs/grammar.md has them as a table.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "grammar/json_text.h"

namespace whet::grammar {

/// Deeper schemas are refused, and deeper values are violations.
inline constexpr int kMaxSchemaDepth = 100;
inline constexpr int kMaxValueDepth = 500;

/// Keywords that restrict values.
const std::vector<std::string>& constraining_keywords();
/// Keywords that only describe, or hold definitions; they change nothing.
const std::vector<std::string>& describing_keywords();

/// Whether any keyword of the schema restricts values.
bool has_constraints(const Json& schema);

/// Checks one schema, not those inside it: that it is an object or boolean, that each keyword is
/// known and has a value of the right kind. Errors name the JSON pointer of the keyword.
Status check_keywords(const Json& schema, const std::string& pointer);

Error schema_error(const std::string& pointer, std::string_view message);

/// The types that "type" and "nullable" admit; empty where the schema does not say.
std::vector<std::string> declared_types(const Json& schema);

/// What a "$ref" leads to. Errors: not of this document, nothing there.
Result<const Json*> resolve_reference(const Json& root, const std::string& reference,
                                      const std::string& pointer);

}  // namespace whet::grammar
