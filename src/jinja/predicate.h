// The tests of templates: value is name(arguments). Called predicates here, where a test is a unit
// test.
#pragma once

#include <string_view>

#include "jinja/runtime.h"
#include "jinja/value.h"

namespace whet::jinja {

bool is_predicate(std::string_view name);
/// Errors: unknown test; what the test refuses, with its name.
Result<bool> apply_predicate(Runtime& runtime, std::string_view name, const Value& value,
                             const Arguments& arguments);

}  // namespace whet::jinja
