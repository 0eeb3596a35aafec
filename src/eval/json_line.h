// Fields of one line of a task file. Errors say what was expected and what was found.
#pragma once

#include <fmt/format.h>

#include <algorithm>
#include <initializer_list>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "base/result.h"

namespace whet::eval {

/// kInvalidArgument.
Error invalid_line(std::string message);

/// A string field that must be there.
Result<std::string> required_text(const nlohmann::json& object, const char* key);
/// "" where it is missing.
Result<std::string> optional_text(const nlohmann::json& object, const char* key);
/// An array of strings, not empty, none of them blank.
Result<std::vector<std::string>> required_texts(const nlohmann::json& object, const char* key);
/// Every key is one of `known`.
Status only_keys(const nlohmann::json& object, std::initializer_list<const char*> known);

}  // namespace whet::eval
