// The fields that OpenAI's chat and text completions share, and the conversation of a chat.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "serve/generation.h"

namespace whet::serve {

struct OpenAiCall {
  GenerateRequest request;
  std::string model;
  bool stream = false;
  bool include_usage = false;
  bool continuous_usage = false;
  std::vector<std::pair<std::string, double>> text_bias;  // logit bias of every token of a text
};

/// The seed that a request or the server names, or a drawn one.
uint64_t read_seed(Fields& fields, const SamplingDefaults& defaults);
/// "top_k", which counts from 0 = off.
int read_top_k(Fields& fields, const SamplingDefaults& defaults, int otherwise);

/// Sampling, limits, n, stop, seed, logit bias and streaming. `takes_text_bias`: a logit bias may
/// name texts, as llama-server's. What is wrong stays in `fields`.
OpenAiCall read_call(Fields& fields, const Server& server, bool takes_text_bias = false);

/// OpenAI's messages; `any_case`: roles may be written in capitals. Errors stay in `fields`.
std::vector<ChatMessage> read_messages(Fields& fields, const std::string& name,
                                       bool any_case = false);

}  // namespace whet::serve
