#include "remote/wire_json.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/json_nesting.h"

namespace whet::remote {
namespace {

constexpr size_t kShownBytes = 600;
constexpr int64_t kMaxCount = int64_t{1} << 53;

bool is_control(char c) {
  return static_cast<unsigned char>(c) < 0x20 || c == 0x7f;
}

TokenInfo token_of(const Json& json) {
  TokenInfo token;
  token.bytes = text_at(json, "token");
  if (const Json* bytes = member(json, "bytes"); bytes != nullptr && bytes->is_array()) {
    // A token may end inside a character; "token" then holds a replacement.
    std::string exact;
    bool good = !bytes->empty();
    for (const Json& byte : *bytes) {
      good =
          good && byte.is_number_integer() && byte.get<int64_t>() >= 0 && byte.get<int64_t>() < 256;
      if (good) exact += static_cast<char>(byte.get<int>());
    }
    if (good) token.bytes = std::move(exact);
  }
  if (const Json* logprob = member(json, "logprob"); logprob != nullptr && logprob->is_number()) {
    token.logprob = logprob->get<double>();
  }
  if (const auto id = integer_at(json, "id"); id && *id >= 0 && *id <= INT32_MAX) {
    token.id = static_cast<int32_t>(*id);
  }
  return token;
}

}  // namespace

Json parsed(std::string_view text) {
  if (json_nesting(text) > kMaxJsonNesting) return Json(Json::value_t::discarded);
  return Json::parse(text, nullptr, /*allow_exceptions=*/false);
}

const Json* member(const Json& json, std::string_view key) {
  if (!json.is_object()) return nullptr;
  const auto found = json.find(key);
  return found == json.end() || found->is_null() ? nullptr : &*found;
}

std::optional<int64_t> integer_at(const Json& json, std::string_view key) {
  const Json* value = member(json, key);
  if (value == nullptr || !value->is_number_integer()) return std::nullopt;
  const bool is_too_large = value->is_number_unsigned() && value->get<uint64_t>() > INT64_MAX;
  return is_too_large ? std::nullopt : std::optional(value->get<int64_t>());
}

std::optional<int64_t> count_at(const Json& json, std::string_view key) {
  const auto value = integer_at(json, key);
  return value && *value >= 0 && *value <= kMaxCount ? value : std::nullopt;
}

std::string text_at(const Json& json, std::string_view key) {
  const Json* value = member(json, key);
  return value != nullptr && value->is_string() ? value->get<std::string>() : "";
}

std::vector<TokenInfo> tokens_of(const Json& list) {
  std::vector<TokenInfo> tokens;
  if (!list.is_array()) return tokens;
  for (const Json& entry : list) {
    TokenInfo token = token_of(entry);
    if (const Json* top = member(entry, "top_logprobs"); top != nullptr && top->is_array()) {
      for (const Json& other : *top) token.top.push_back(token_of(other));
    }
    tokens.push_back(std::move(token));
  }
  return tokens;
}

std::string shown(std::string_view text) {
  std::string line(text.substr(0, kShownBytes));
  std::replace_if(line.begin(), line.end(), is_control, ' ');
  return line;
}

std::string error_message(std::string_view body) {
  const Json json = parsed(body);
  const Json* error = member(json, "error");
  std::string message = error == nullptr     ? text_at(json, "message")
                        : error->is_string() ? error->get<std::string>()
                                             : text_at(*error, "message");
  if (!message.empty()) return shown(message);
  if (const Json* detail = member(json, "detail"); detail != nullptr && detail->is_string()) {
    return shown(detail->get<std::string>());
  }
  return shown(body);
}

Result<std::string> wire_text(const nlohmann::ordered_json& json) {
  try {
    return json.dump();
  } catch (const nlohmann::json::type_error& error) {
    return Error(
        ErrorCode::kInvalidArgument,
        fmt::format("expected UTF-8 text, which is all that JSON carries: {}", error.what()));
  }
}

}  // namespace whet::remote
