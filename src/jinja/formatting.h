// Python's two string formatters: "%s" % value and "{}".format(value).
#pragma once

#include <string_view>
#include <vector>

#include "base/result.h"
#include "jinja/runtime.h"
#include "jinja/value.h"

namespace whet::jinja {

/// `values` is a tuple of values, one value, or a dict for %(key)s.
/// Conversions s, r, d, i, f, e, g, x, X, o, c and %%, with flags, width, precision and %(key)s.
/// Errors: an unsupported conversion, too few or too many values, a value of the wrong type.
Result<Value> format_percent(Runtime& runtime, std::string_view format, const Value& values);

/// Fields {}, {0} and {name}, without attributes or format specifications.
Result<Value> format_braces(Runtime& runtime, std::string_view format, const Arguments& arguments);

}  // namespace whet::jinja
