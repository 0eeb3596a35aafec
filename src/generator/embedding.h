// Embeddings: what is asked of a model that turns texts into vectors, and what it answers.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace whet {

/// How the final states of a text's tokens become one vector.
enum class Pooling { kMean, kFirst, kLast };
/// "mean", "cls", "last".
std::string_view pooling_name(Pooling pooling);

struct EmbedRequest {
  /// Texts (with BOS and EOS where the model wants them; spellings of control tokens are text), or
  /// token ids as they are.
  std::vector<std::variant<std::string, std::vector<int32_t>>> inputs;
  bool normalise = true;  // to length 1
  bool truncate = false;  // an input longer than the context is cut at its end, not an error
  /// As of GenerateRequest.
  std::string cache_scope = {};
};

struct Embedding {
  std::vector<float> values;
  int64_t n_tok = 0;      // that were read
  int64_t n_cut_tok = 0;  // of the input, beyond the context
};

}  // namespace whet
