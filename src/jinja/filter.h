// The filters of templates: value | name(arguments).
#pragma once

#include <string_view>

#include "jinja/runtime.h"
#include "jinja/value.h"

namespace whet::jinja {

bool is_filter(std::string_view name);
/// Errors: unknown filter; what the filter refuses, with its name.
Result<Value> apply_filter(Runtime& runtime, std::string_view name, const Value& value,
                           const Arguments& arguments);

Builtin find_text_filter(std::string_view name);
Builtin find_number_filter(std::string_view name);
Builtin find_sequence_filter(std::string_view name);
Builtin find_selection_filter(std::string_view name);

}  // namespace whet::jinja
