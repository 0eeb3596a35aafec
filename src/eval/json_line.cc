#include "eval/json_line.h"

#include "eval/answer.h"

namespace whet::eval {

using nlohmann::json;

Error invalid_line(std::string message) {
  return Error(ErrorCode::kInvalidArgument, std::move(message));
}

Result<std::string> required_text(const json& object, const char* key) {
  const auto found = object.find(key);
  if (found == object.end()) {
    return invalid_line(fmt::format("expected \"{}\", found no such key", key));
  }
  if (!found->is_string()) {
    return invalid_line(
        fmt::format("\"{}\": expected a string, found {}", key, found->type_name()));
  }
  return found->get<std::string>();
}

Result<std::string> optional_text(const json& object, const char* key) {
  return object.contains(key) ? required_text(object, key) : Result<std::string>(std::string());
}

Result<std::vector<std::string>> required_texts(const json& object, const char* key) {
  const auto found = object.find(key);
  if (found == object.end()) {
    return invalid_line(fmt::format("expected \"{}\", found no such key", key));
  }
  if (!found->is_array() || found->empty()) {
    return invalid_line(fmt::format("\"{}\": expected an array of strings, found {}", key,
                                    found->is_array() ? "an empty one" : found->type_name()));
  }
  std::vector<std::string> texts;
  for (const json& item : *found) {
    if (!item.is_string() || trimmed(item.get_ref<const std::string&>()).empty()) {
      return invalid_line(fmt::format("\"{}\"[{}]: expected text, found {}", key, texts.size(),
                                      item.is_string() ? "\"\"" : item.type_name()));
    }
    texts.push_back(item.get<std::string>());
  }
  return texts;
}

Status only_keys(const json& object, std::initializer_list<const char*> known) {
  for (const auto& item : object.items()) {
    const bool is_known =
        std::any_of(known.begin(), known.end(), [&](const char* key) { return item.key() == key; });
    if (!is_known) {
      return invalid_line(
          fmt::format("unknown key \"{}\"; expected {}", item.key(),
                      fmt::join(std::vector<std::string>(known.begin(), known.end()), ", ")));
    }
  }
  return ok_status();
}

}  // namespace whet::eval
