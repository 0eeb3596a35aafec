// Detokenizer: tokens in, text out as soon as it is certain. Gives whole code points only; bytes
// that can no longer become one are replaced by U+FFFD. The concatenation of what `push` and
// `flush` give is the decoded sequence, with invalid bytes replaced.
#pragma once

#include <string>

#include "token/tokenizer.h"

namespace whet {

struct DetokenizerOptions {
  /// Gives control tokens as their text.
  bool render_special = false;
  /// The tokens start a text, rather than go on after a prompt: the space that SentencePiece puts
  /// before a text is not part of it.
  bool at_start = false;
};

/// Keeps a reference to the tokenizer.
class Detokenizer {
 public:
  explicit Detokenizer(const Tokenizer& tokenizer, DetokenizerOptions options = {})
      : tokenizer_(tokenizer), options_(options), at_start_(options.at_start) {}

  /// `id` must be in [0, vocab_size).
  std::string push(TokenId id);
  /// What is held back, with U+FFFD for the part of a code point; afterwards a new text begins.
  std::string flush();
  /// Bytes held back: 0 to 3.
  size_t n_pending_bytes() const { return pending_.size(); }

 private:
  const Tokenizer& tokenizer_;
  DetokenizerOptions options_;
  bool at_start_;
  std::string pending_;  // a proper prefix of one code point
};

}  // namespace whet
