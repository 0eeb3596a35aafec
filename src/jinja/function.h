// The global functions of templates: range, namespace, dict, raise_exception, strftime_now, ...
#pragma once

#include <string_view>
#include <utility>
#include <vector>

#include "jinja/value.h"

namespace whet::jinja {

/// Name and function object of each.
std::vector<std::pair<std::string_view, Value>> global_functions();

}  // namespace whet::jinja
