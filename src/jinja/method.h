// The methods of str, list, tuple and dict that templates may call.
#pragma once

#include <string_view>

#include "jinja/runtime.h"
#include "jinja/value.h"

namespace whet::jinja {

/// Null if values of this type have no such method, or it would change the value.
Builtin find_method(const Value& value, std::string_view name);
/// Whether Python's dict has a method of this name, which then hides a key in `dict.name`.
bool is_method_name_of_dict(std::string_view name);

/// Of a method of str, whose self is one.
inline std::string_view bytes_of(const Value& self) {
  return self.text()->bytes;
}

Builtin find_text_method(std::string_view name);
Builtin find_text_search_method(std::string_view name);

}  // namespace whet::jinja
