// What an endpoint is and can do, found by asking it before anything is spent on it.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace whet::remote {

/// Who answers: decides which fields beyond the common ones a request may have.
enum class EngineKind { kUnknown, kWhet, kLlamaServer, kVllm, kOllama, kOpenAi };
/// "whet", "llama-server", ...; "an engine that is not known".
std::string_view engine_name(EngineKind kind);

struct Abilities {
  EngineKind engine = EngineKind::kUnknown;
  std::string model;             // as the engine calls it
  bool chat = true;              // has a chat template
  bool logprobs = false;         // of generated tokens
  bool prompt_logprobs = false;  // of given text
  bool n = false;                // several completions of one request
  int64_t most_n = 0;            // of them; 0 = no limit is known
  int64_t context = 0;           // tokens; 0 = unknown
  int64_t n_parameters = 0;      // 0 = unknown
  uint64_t n_bytes = 0;          // of the weights; 0 = unknown
  int64_t trained_context = 0;   // 0 = unknown
  int32_t vocab_size = 0;        // 0 = unknown
};

}  // namespace whet::remote
