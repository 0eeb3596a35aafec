// The fields that OpenAI's chat and text completions share, and the conversation of a chat.
#pragma once

#include <string>
#include <vector>

#include "serve/generation.h"

namespace whet::serve {

struct OpenAiCall {
  GenerateRequest request;
  std::string model;
  bool stream = false;
  bool include_usage = false;
  bool continuous_usage = false;
  bool reports_timings = false;
};

/// Sampling, limits, n, stop, seed, logit bias and streaming. What is wrong stays in `fields`.
OpenAiCall read_call(Fields& fields, const Server& server);

/// OpenAI's messages. Errors stay in `fields`.
std::vector<ChatMessage> read_messages(Fields& fields, const std::string& name);

}  // namespace whet::serve
