// Finds the calls of tools in what a model writes: <tool_call>{"name": ..., "arguments": {...}}
// </tool_call> (Hermes, Qwen), [TOOL_CALLS][...] (Mistral), or one JSON object with a name and
// arguments or parameters (Llama 3).
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "generator/prompt.h"

namespace whet::serve {

class ToolCallSplitter {
 public:
  struct Pieces {
    std::string content;
    std::vector<ToolCall> calls;
  };
  /// `seed` makes the calls' ids.
  explicit ToolCallSplitter(std::string seed) : seed_(std::move(seed)) {}

  /// Adds text and returns what is certain: content that cannot be the start of a call, and calls
  /// that are complete.
  Pieces push(std::string_view text);
  /// The rest: a call if it is one, else content.
  Pieces flush();

 private:
  bool parse(std::string_view json, std::vector<ToolCall>& calls);

  std::string seed_;
  std::string pending_;
  size_t n_calls_ = 0;
  bool anything_ = false;  // content has been given out
};

}  // namespace whet::serve
