// What a request took in tokens of the base vocabulary, where the model's has phrases: the number
// that stays comparable with the model it was made of. Limits and counts are of the model's own
// tokens, as everywhere.
#pragma once

#include <cstdint>
#include <optional>

#include "engine/engine.h"

namespace whet {

struct BaseTokens {
  int64_t n_prompt = 0;
  int64_t n_completion = 0;  // of all completions

  BaseTokens& operator+=(const BaseTokens& other) {
    n_prompt += other.n_prompt;
    n_completion += other.n_completion;
    return *this;
  }
};

/// None where the vocabulary has no phrases. `prompt`: that of the request, encoded anew.
std::optional<BaseTokens> base_tokens(const Engine& engine, const Prompt& prompt,
                                      const GenerateResult& result);

}  // namespace whet
