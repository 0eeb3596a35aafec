// Values as text: Python's str() and repr(), and JSON as Python's json.dumps writes it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "jinja/runtime.h"
#include "jinja/value.h"

namespace whet::jinja {

/// str(value). Errors: a value whose text Python would make up from an address (iterators,
/// functions, namespaces); text over the limit.
Status append_text(TextBuilder& out, const Value& value);
/// repr(value): as it prints inside a list.
Status append_repr(TextBuilder& out, const Value& value);
/// str(value) as a shared string; a string is returned as it is.
Result<TextRef> to_text(Runtime& runtime, const Value& value);

struct JsonStyle {
  bool ascii = false;                 // non-ASCII as \uXXXX
  std::optional<std::string> indent;  // of one level; none = one line
  std::string item_separator = ", ";
  std::string key_separator = ": ";
  bool sort_keys = false;
};
/// Errors: a value that JSON cannot hold.
Status append_json(TextBuilder& out, const Value& value, const JsonStyle& style);

/// & < > ' " as HTML entities.
std::string escape_html(std::string_view text);

}  // namespace whet::jinja
