#include "serve/tool_calls.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "serve/fields.h"

namespace whet::serve {
namespace {

constexpr std::string_view kCallOpens = "<tool_call>";
constexpr std::string_view kCallCloses = "</tool_call>";
constexpr std::string_view kMistral = "[TOOL_CALLS]";
constexpr std::string_view kBlanks = " \t\r\n";

bool may_become(std::string_view text, std::string_view tag) {
  return text.starts_with(tag) || tag.starts_with(text);
}

}  // namespace

bool ToolCallSplitter::parse(std::string_view text, std::vector<ToolCall>& calls) {
  const Json json = Json::parse(text, nullptr, false);
  std::vector<Json> objects;
  if (json.is_object()) objects.push_back(json);
  if (json.is_array()) objects.assign(json.begin(), json.end());
  std::vector<ToolCall> found;
  for (const Json& object : objects) {
    if (!object.is_object() || !object.contains("name") || !object["name"].is_string()) {
      return false;
    }
    const auto* arguments = object.contains("arguments")    ? &object["arguments"]
                            : object.contains("parameters") ? &object["parameters"]
                                                            : nullptr;
    if (arguments == nullptr || !(arguments->is_object() || arguments->is_string())) return false;
    found.push_back({fmt::format("call_{}_{}", seed_, n_calls_ + found.size()), object["name"],
                     arguments->is_string() ? arguments->get<std::string>() : dump(*arguments)});
  }
  n_calls_ += found.size();
  calls.insert(calls.end(), found.begin(), found.end());
  return !found.empty();
}

ToolCallSplitter::Pieces ToolCallSplitter::push(std::string_view text) {
  pending_ += text;
  Pieces out;
  while (true) {
    const size_t open = pending_.find(kCallOpens);
    if (open != std::string::npos) {
      const size_t close = pending_.find(kCallCloses, open);
      if (close == std::string::npos) {
        out.content += pending_.substr(0, open);
        pending_.erase(0, open);
        break;
      }
      const std::string body =
          pending_.substr(open + kCallOpens.size(), close - open - kCallOpens.size());
      out.content += pending_.substr(0, open);
      if (!parse(body, out.calls)) {
        out.content += pending_.substr(open, close + kCallCloses.size() - open);
      }
      pending_.erase(0, close + kCallCloses.size());
      continue;
    }
    const size_t begin = pending_.find_first_not_of(kBlanks);
    if (begin == std::string::npos) break;
    const std::string_view rest = std::string_view(pending_).substr(begin);
    // A text that starts as JSON, or with Mistral's mark, is judged as a whole at the end.
    if (!anything_ && n_calls_ == 0 && (rest.starts_with('{') || may_become(rest, kMistral))) break;
    size_t held = 0;
    for (size_t n = std::min(kCallOpens.size() - 1, pending_.size()); n > 0 && held == 0; --n) {
      if (std::string_view(pending_).substr(pending_.size() - n) == kCallOpens.substr(0, n))
        held = n;
    }
    out.content += pending_.substr(0, pending_.size() - held);
    pending_.erase(0, pending_.size() - held);
    break;
  }
  // The space around calls is not content.
  if (!anything_ && out.content.find_first_not_of(kBlanks) == std::string::npos &&
      (n_calls_ > 0 || pending_.starts_with(kCallOpens))) {
    out.content.clear();
  }
  anything_ |= !out.content.empty();
  return out;
}

ToolCallSplitter::Pieces ToolCallSplitter::flush() {
  Pieces out;
  std::string rest = std::exchange(pending_, "");
  std::string_view body = rest;
  body.remove_prefix(std::min(body.find_first_not_of(kBlanks), body.size()));
  if (body.starts_with(kMistral)) body.remove_prefix(kMistral.size());
  if (body.starts_with(kCallOpens)) body.remove_prefix(kCallOpens.size());
  if (!body.empty() && parse(body, out.calls)) return out;
  if (n_calls_ == 0 || rest.find_first_not_of(kBlanks) != std::string::npos) out.content = rest;
  return out;
}

}  // namespace whet::serve
