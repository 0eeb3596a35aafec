#include "cli/conversation_file.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "sys/file_bytes.h"
#include "sys/pending_file.h"

namespace whet {
namespace {

using Json = nlohmann::ordered_json;

constexpr uint64_t kMaxBytes = uint64_t{1} << 26;
constexpr const char* kSchema = "whet-chat/1";

Error bad_file(const std::string& path, std::string_view expected) {
  return Error(ErrorCode::kInvalidArgument, fmt::format("{}: expected {}", path, expected));
}

bool is_text(const Json& object, const char* key) {
  const auto found = object.find(key);
  return found != object.end() && found->is_string();
}

}  // namespace

Status save_conversation(const std::string& path, const std::string& model,
                         const std::vector<ChatMessage>& messages) {
  Json list = Json::array();
  for (const ChatMessage& m : messages) list.push_back({{"role", m.role}, {"content", m.content}});
  const Json file{{"schema", kSchema}, {"model", model}, {"messages", std::move(list)}};
  return write_file_atomically(path,
                               file.dump(1, ' ', false, Json::error_handler_t::replace) + "\n");
}

Result<std::vector<ChatMessage>> load_conversation(const std::string& path) {
  WHET_TRY(std::string text, read_file(path, kMaxBytes));
  const Json file = Json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (!file.is_object() || !is_text(file, "schema") || file["schema"] != kSchema)
    return bad_file(path, "a conversation that /save wrote (\"schema\": \"whet-chat/1\")");
  const auto list = file.find("messages");
  if (list == file.end() || !list->is_array()) return bad_file(path, "\"messages\": [...]");
  std::vector<ChatMessage> messages;
  for (const Json& entry : *list) {
    if (!entry.is_object() || !is_text(entry, "role") || !is_text(entry, "content")) {
      return bad_file(path, fmt::format("\"role\" and \"content\" as texts in message {}",
                                        messages.size() + 1));
    }
    const std::string role = entry["role"];
    if (role != "system" && role != "user" && role != "assistant") {
      return bad_file(path, fmt::format("system, user or assistant as the role of message {}",
                                        messages.size() + 1));
    }
    messages.push_back({.role = role, .content = entry["content"]});
  }
  return messages;
}

}  // namespace whet
