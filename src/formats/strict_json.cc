#include "formats/strict_json.h"

#include <fmt/format.h>

#include <set>
#include <string>
#include <vector>

#include "base/json_nesting.h"
#include "formats/untrusted_text.h"

namespace whet {

Result<nlohmann::json> parse_strict_json(std::string_view text) {
  using nlohmann::json;
  std::string problem;
  std::vector<std::set<std::string>> keys;  // of the objects that are open
  // The parser keeps its own stack and does not recurse; what this callback drops is never built.
  auto callback = [&](int depth, json::parse_event_t event, json& parsed) {
    if (!problem.empty()) return false;
    bool opens =
        event == json::parse_event_t::object_start || event == json::parse_event_t::array_start;
    if (opens && depth >= kMaxJsonNesting) {
      problem = fmt::format("the JSON text is nested deeper than {} levels", kMaxJsonNesting);
      return false;
    }
    if (event == json::parse_event_t::object_start) keys.emplace_back();
    if (event == json::parse_event_t::object_end) keys.pop_back();
    if (event == json::parse_event_t::key) {
      const auto& key = parsed.get_ref<const std::string&>();
      if (!keys.back().insert(key).second) {
        problem =
            fmt::format("the JSON text has the key {} twice in one object", quote_untrusted(key));
        return false;
      }
    }
    return true;
  };
  json document = json::parse(text, callback, false);
  if (problem.empty() && document.is_discarded()) problem = "the text is not valid JSON";
  if (!problem.empty()) return Error(ErrorCode::kInvalidModel, problem);
  return document;
}

}  // namespace whet
