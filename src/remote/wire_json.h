// JSON of other engines, read without trust: a missing or odd field is "none", never a crash.
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "generator/events.h"

namespace whet::remote {

using Json = nlohmann::json;

/// Discarded where `text` is no JSON, or nested so deeply that its tree would take far more memory
/// than the text.
Json parsed(std::string_view text);

/// A member of an object; null where there is none.
const Json* member(const Json& json, std::string_view key);
std::optional<int64_t> integer_at(const Json& json, std::string_view key);
/// None also where it is negative or so large that sums of it could overflow.
std::optional<int64_t> count_at(const Json& json, std::string_view key);
/// Empty where it is no string.
std::string text_at(const Json& json, std::string_view key);

/// OpenAI's and Ollama's list of tokens, {"token", "logprob", "bytes", "top_logprobs", "id"}.
std::vector<TokenInfo> tokens_of(const Json& list);

/// What an engine said, for a message of ours: its beginning, on one line, so that it can pass for
/// nothing that we say.
std::string shown(std::string_view text);
/// Of an error body in any dialect: the message, or the beginning of the body; as shown().
std::string error_message(std::string_view body);

/// On one line. Errors (kInvalidArgument): a text that is not UTF-8.
Result<std::string> wire_text(const nlohmann::ordered_json& json);

}  // namespace whet::remote
