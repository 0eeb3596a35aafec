#include "jinja/user_guard.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

namespace whet::jinja {
namespace {

using Json = nlohmann::ordered_json;

constexpr int kFirstMark = 0xFDD0;  // noncharacters of the Arabic Presentation Forms block
constexpr int kLastMark = 0xFDEF;

bool is_continuation(char c) {
  return (static_cast<unsigned char>(c) & 0xC0) == 0x80;
}

bool holds(const Json& json, std::string_view text) {
  if (json.is_string()) return json.get_ref<const std::string&>().find(text) != std::string::npos;
  if (!json.is_structured()) return false;
  for (const auto& [key, value] : json.items()) {
    if (json.is_object() && key.find(text) != std::string::npos) return true;
    if (holds(value, text)) return true;
  }
  return false;
}

}  // namespace

bool UserGuard::protect(const std::vector<Json*>& documents) {
  for (int code = kFirstMark; code <= kLastMark; ++code) {
    // U+FDD0 .. U+FDEF in UTF-8.
    const std::string candidate = {'\xEF', '\xB7', static_cast<char>(0x90 + (code - kFirstMark))};
    const std::string escaped = fmt::format("\\u{:04x}", code);
    bool taken = false;
    for (const Json* json : documents) taken |= holds(*json, candidate) || holds(*json, escaped);
    if (taken) continue;
    mark_ = candidate;
    escaped_ = escaped;
    for (Json* json : documents) mark(*json);
    return true;
  }
  return false;
}

std::string UserGuard::marked(const std::string& text) const {
  const auto ranges = find_control_(text);
  if (ranges.empty()) return text;
  std::string out;
  size_t next = 0;  // the first range that does not end before `i`
  for (size_t i = 0; i < text.size();) {
    size_t end = i + 1;
    while (end < text.size() && is_continuation(text[end])) ++end;
    out.append(text, i, end - i);
    while (next < ranges.size() && ranges[next].second <= i) ++next;
    if (next < ranges.size() && ranges[next].first < end) out += mark_;
    i = end;
  }
  return out;
}

void UserGuard::mark(Json& json) const {
  if (json.is_string()) {
    json = marked(json.get_ref<const std::string&>());
  } else if (json.is_array()) {
    for (Json& item : json) mark(item);
  } else if (json.is_object()) {
    Json object = Json::object();
    for (auto& [key, value] : json.items()) {
      mark(value);
      object[marked(key)] = std::move(value);
    }
    json = std::move(object);
  }
}

std::vector<PromptPart> UserGuard::parts(std::string_view rendered) const {
  std::vector<PromptPart> parts;
  const auto add = [&](std::string_view text, bool from_user) {
    if (text.empty()) return;
    if (parts.empty() || parts.back().from_user != from_user) parts.push_back({"", from_user});
    parts.back().text += text;
  };
  size_t begin = 0;  // of the text not yet added
  for (size_t i = 0; i < rendered.size();) {
    const std::string_view rest = rendered.substr(i);
    size_t length = 0;
    if (!mark_.empty() && rest.starts_with(mark_)) length = mark_.size();
    if (!mark_.empty() && rest.starts_with(escaped_)) length = escaped_.size();
    if (length == 0) {
      ++i;
      continue;
    }
    size_t character = i;  // the one before the mark
    while (character > begin && is_continuation(rendered[--character])) {
    }
    add(rendered.substr(begin, character - begin), false);
    add(rendered.substr(character, i - character), true);
    begin = i += length;
  }
  add(rendered.substr(begin), false);
  return parts;
}

}  // namespace whet::jinja
