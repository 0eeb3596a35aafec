// JSON as text, for documents with strings from outside: paths, arguments, model output. The
// library's own dump() throws where such a string is not UTF-8.
#pragma once

#include <nlohmann/json.hpp>
#include <string>

namespace whet {

/// `json` on one line, or indented by `indent` spaces; bytes that are not UTF-8 become U+FFFD.
template <typename Json>
std::string json_text(const Json& json, int indent = -1) {
  return json.dump(indent, ' ', false, Json::error_handler_t::replace);
}

}  // namespace whet
