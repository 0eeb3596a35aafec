#include "formats/python_json.h"

namespace whet {

std::string spell_out_constants(std::string_view json) {
  std::string out;
  out.reserve(json.size());
  bool in_string = false;
  while (!json.empty()) {
    const char c = json.front();
    if (in_string && c == '\\') {  // with what it escapes
      out += json.substr(0, 2);
      json.remove_prefix(json.size() < 2 ? json.size() : 2);
      continue;
    }
    if (c == '"') in_string = !in_string;
    bool replaced = false;
    for (const std::string_view constant : {"NaN", "-Infinity", "Infinity"}) {
      if (in_string || !json.starts_with(constant)) continue;
      out.append(R"({"__float__": ")").append(constant).append("\"}");
      json.remove_prefix(constant.size());
      replaced = true;
      break;
    }
    if (replaced) continue;
    out += c;
    json.remove_prefix(1);
  }
  return out;
}

}  // namespace whet
