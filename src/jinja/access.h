// Reading parts of values: attributes, items, slices. Only data and a fixed list of methods can be
// reached; there are no Python internals to find.
#pragma once

#include <string_view>

#include "base/result.h"
#include "jinja/runtime.h"
#include "jinja/value.h"

namespace whet::jinja {

/// `value.name`: a method before a dict's key. Undefined if there is neither.
/// Errors: `value` is undefined.
Result<Value> attribute(Runtime& runtime, const Value& value, std::string_view name);
/// `value[key]`: a dict's key before a method. Undefined if there is neither.
/// Errors: `value` is undefined.
Result<Value> item(Runtime& runtime, const Value& value, const Value& key);
/// `value[lower:upper:step]`; None is an absent bound.
Result<Value> slice(Runtime& runtime, const Value& value, const Value& lower, const Value& upper,
                    const Value& step);
/// The path "a.b.0" of the filters' `attribute=`; an int is an index.
/// `otherwise`, if not null, stands in for each part that is undefined.
Result<Value> attribute_path(Runtime& runtime, const Value& value, const Value& path,
                             const Value* otherwise = nullptr);

}  // namespace whet::jinja
