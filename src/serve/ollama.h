// Ollama's dialect of answering: NDJSON, options, durations in nanoseconds.
#pragma once

#include <string_view>

#include "serve/server.h"

namespace whet::serve {

/// Of a request that names none, where the server's own settings do not either.
inline constexpr double kOllamaTemperature = 0.8, kOllamaTopP = 0.9;
inline constexpr int kOllamaTopK = 40;

void ollama_chat(Exchange& exchange);
void ollama_generate(Exchange& exchange);

/// "tools" or "thinking": the model's chat template knows of it.
bool has_capability(const Engine& engine, std::string_view name);

/// Why the model `name` cannot be used, in Ollama's words where it is not there.
ApiError ollama_model_error(const Error& error, std::string_view name);

}  // namespace whet::serve
