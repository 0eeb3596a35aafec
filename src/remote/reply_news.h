// What one line of a streamed reply says, whichever dialect it is in.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "generator/events.h"

namespace whet::remote {

/// News of one completion.
struct Piece {
  size_t choice = 0;  // of the request's, from 0
  std::string text;
  std::string reasoning;  // that the engine keeps apart from the text
  std::vector<TokenInfo> tokens;
  std::optional<FinishReason> finish;
  std::optional<int64_t> n_tok;  // of this completion, where the engine counts each
  std::string stop;              // the stop string, where the engine says it
};

struct ReplyNews {
  std::vector<Piece> pieces;
  std::optional<int64_t> n_prompt_tok, n_cached_tok;
  std::optional<int64_t> n_completion_tok;  // of all choices together
  bool done = false;                        // nothing more comes
};

}  // namespace whet::remote
