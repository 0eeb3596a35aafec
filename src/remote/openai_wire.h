// OpenAI's dialect: requests to JSON, lines of replies to news. No sockets here.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "generator/request.h"
#include "remote/abilities.h"
#include "remote/reply_news.h"

namespace whet::remote {

/// A request without its address.
struct Call {
  std::string path;  // behind the base address
  std::string body;
};

/// Whether an engine's OpenAI API has top_k, min_p, penalties, ignore_eos and the like.
bool takes_extensions(EngineKind kind);

/// `n` completions with the sampling of samples[sample]. Errors: what the engine cannot do, named.
Result<Call> openai_call(const GenerateRequest& request, size_t sample, size_t n,
                         const Abilities& abilities);

/// Reads one line of the event stream. Errors: an error that the engine reports, or no JSON.
Result<ReplyNews> openai_news(std::string_view line);

/// Text and continuation echoed with their log-probabilities, one token generated.
Result<Call> openai_score_call(const std::string& text, const Abilities& abilities);
/// The tokens of `continuation` in the reply to that.
Result<std::vector<TokenInfo>> openai_scores(std::string_view body, std::string_view continuation);

}  // namespace whet::remote
