#include "load/chat_template_source.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "formats/untrusted_text.h"
#include "token/json_fields.h"

namespace whet {
namespace {

using Json = nlohmann::json;

Error wrong(const char* file, const Json& found) {
  return Error(ErrorCode::kInvalidModel,
               fmt::format("{}: \"chat_template\": expected a text, or a list or object with a "
                           "\"default\" text, found {}",
                           file, found.type_name()));
}

// "..." or [{"name": "default", "template": "..."}, ...] or {"default": "...", ...}.
Result<std::string> text_of(const char* file, const Json& node) {
  if (node.is_null()) return std::string();
  if (node.is_string()) return node.get<std::string>();
  const Json* text = nullptr;
  if (node.is_object()) {
    text = find_field(node, "default");
  } else if (node.is_array()) {
    for (const Json& entry : node) {
      const Json* name = find_field(entry, "name");
      if (name != nullptr && *name == "default") text = find_field(entry, "template");
    }
    if (node.empty()) return std::string();
  }
  if (text == nullptr || !text->is_string()) return wrong(file, node);
  return text->get<std::string>();
}

}  // namespace

Result<std::string> chat_template_source(const ModelFile& file) {
  if (file.container == ModelFile::Container::kGguf) {
    return file.get_string_or("tokenizer.chat_template", "");
  }
  if (auto it = file.side_files.find("chat_template.jinja");
      it != file.side_files.end() && !it->second.empty()) {
    return it->second;
  }
  for (const char* name : {"tokenizer_config.json", "chat_template.json"}) {
    const auto it = file.side_files.find(name);
    if (it == file.side_files.end()) continue;
    WHET_TRY(const Json json, parse_json_object(it->second).with_context(name));
    const auto field = json.find("chat_template");
    if (field == json.end()) continue;
    WHET_TRY(std::string text, text_of(name, *field));
    if (!text.empty()) return text;
  }
  return std::string();
}

}  // namespace whet
