// Checks values against JSON schemas, apart from the grammar: what was generated is checked with
// it.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "grammar/json_text.h"

namespace whet::grammar {

struct Violation {
  std::string value_pointer;   // where in the value
  std::string schema_pointer;  // the keyword that is violated
  std::string message;         // expected ..., found ...
};

/// The first violation, if there is one, with the standard's meaning of the supported keywords; a
/// "format" must be kept. Errors (kInvalidArgument): unsupported keywords and malformed parts of
/// the schema, as far as the value leads there.
Result<std::optional<Violation>> validate(const Json& schema, const Json& value);
/// The same for a schema whose references lead into `root`; `pointer` is its place there.
Result<std::optional<Violation>> validate(const Json& root, const Json& schema,
                                          const std::string& pointer, const Json& value);

/// The same of a text; text that is not JSON is a violation.
Result<std::optional<Violation>> validate_text(const Json& schema, std::string_view text);

}  // namespace whet::grammar
