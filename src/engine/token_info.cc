#include "engine/token_info.h"

namespace whet {
namespace {

TokenInfo named(const Tokenizer& tokenizer, int32_t id, double logprob) {
  TokenInfo info;
  info.id = id;
  // An embedding may have more rows than the vocabulary has tokens; such a row has no text.
  if (id < tokenizer.vocab_size()) info.bytes = tokenizer.token_bytes(id, /*render_special=*/true);
  info.logprob = logprob;
  return info;
}

}  // namespace

TokenInfo token_info(const Tokenizer& tokenizer, const TokenLogprob& scored) {
  TokenInfo info = named(tokenizer, scored.id, scored.logprob);
  info.top.reserve(scored.top.size());
  for (const auto& [id, logprob] : scored.top) info.top.push_back(named(tokenizer, id, logprob));
  return info;
}

}  // namespace whet
