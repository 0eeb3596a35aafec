// Ollama's dialect: requests to JSON, lines of replies to news. No sockets here.
#pragma once

#include <string_view>

#include "remote/openai_wire.h"

namespace whet::remote {

/// One completion with the sampling of samples[sample]; this dialect knows no more than one.
/// Errors: what the engine cannot do, named.
Result<Call> ollama_call(const GenerateRequest& request, size_t sample, const Abilities& abilities);

/// Reads one line of the stream. Errors: an error that the engine reports, or no JSON.
Result<ReplyNews> ollama_news(std::string_view line);

}  // namespace whet::remote
