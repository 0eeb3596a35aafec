#include "engine/base_tokens.h"

#include "token/phrase_tokenizer.h"

namespace whet {
namespace {

/// An embedding may have rows behind the vocabulary's last token; such an id stands for itself.
int64_t count(const PhraseVocabulary& phrases, const std::vector<int32_t>& ids) {
  int64_t n = 0;
  for (const int32_t id : ids) {
    n += id < phrases.size() ? phrases.count_base_tokens({&id, 1}) : 1;
  }
  return n;
}

}  // namespace

std::optional<BaseTokens> base_tokens(const Engine& engine, const Prompt& prompt,
                                      const GenerateResult& result) {
  const PhraseVocabulary* phrases = phrases_of(engine.tokenizer());
  if (phrases == nullptr) return std::nullopt;
  BaseTokens counted;
  // What was answered could be encoded.
  if (const auto ids = engine.encode_prompt(prompt); ids.ok()) {
    counted.n_prompt = count(*phrases, *ids);
  }
  for (const Completion& completion : result.completions) {
    counted.n_completion += count(*phrases, completion.tokens);
  }
  return counted;
}

}  // namespace whet
