// A conversation as a file: {"schema": "whet-chat/1", "model": ..., "messages": [...]}.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "generator/prompt.h"

namespace whet {

Status save_conversation(const std::string& path, const std::string& model,
                         const std::vector<ChatMessage>& messages);
/// Errors: unreadable, not of this form; the message names the place.
Result<std::vector<ChatMessage>> load_conversation(const std::string& path);

}  // namespace whet
