// JSON as schemas and requests need it: members in the order they were written, capped depth.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "base/result.h"

namespace whet::grammar {

using Json = nlohmann::ordered_json;

enum class RepeatedKeys { kRefused, kLastCounts };

/// `what` names the text in messages. Errors (kInvalidArgument): not JSON (says where), nested
/// deeper than `max_depth`, a key twice in one object.
Result<Json> parse_json(std::string_view text, std::string_view what, int max_depth,
                        RepeatedKeys repeated = RepeatedKeys::kRefused);

/// A member of an object, or null.
const Json* find_member(const Json& object, std::string_view name);

/// "/properties/a~1b" from "/properties" and "a/b" (RFC 6901).
std::string pointer_to(const std::string& parent, std::string_view name);
std::string pointer_to(const std::string& parent, size_t index);

}  // namespace whet::grammar
