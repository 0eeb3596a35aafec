// The JSON files of a model's directory: parsed only after size and nesting are known to be sane,
// with typed access whose errors name the field. The library's exceptions end here. Linear time:
// a vocabulary has hundreds of thousands of values.
#pragma once

#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace whet {

inline constexpr size_t kMaxJsonBytes = size_t{256} << 20;

/// Errors: too large, too deep, not JSON, not an object. Of a repeated key the last counts.
Result<nlohmann::json> parse_json_object(std::string_view text);

/// Fields of an object. A field that is missing or null is an error of `get_*` and the fallback of
/// `get_*_or`; one of another type is an error that names it. `object` may be any JSON value.
Result<std::string> get_string(const nlohmann::json& object, const char* name);
Result<std::string> get_string_or(const nlohmann::json& object, const char* name,
                                  std::string fallback);
Result<bool> get_bool_or(const nlohmann::json& object, const char* name, bool fallback);
Result<int64_t> get_int(const nlohmann::json& object, const char* name);
Result<const nlohmann::json*> get_array(const nlohmann::json& object, const char* name);
/// The field, or nullptr where it is missing or null or `object` is no object.
const nlohmann::json* find_field(const nlohmann::json& object, const char* name);

}  // namespace whet
