// Tokenizer: text <-> token ids, whatever file the vocabulary came from.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "generator/prompt.h"

namespace whet {

using TokenId = int32_t;

enum class TokenType : uint8_t { kNormal, kUnknown, kControl, kUserDefined, kUnused, kByte };

struct EncodeOptions {
  /// Adds BOS (and EOS, SEP) where the model's metadata says so.
  bool add_special = true;
  /// Recognises control tokens such as "<|im_start|>" in the text. Off for user-supplied text.
  bool parse_special = true;
};

/// Bytes [begin, end) of a text.
struct TextRange {
  size_t begin;
  size_t end;
};

/// Immutable and safe to share between threads.
class Tokenizer {
 public:
  virtual ~Tokenizer() = default;

  /// Ids of a text; any byte string is legal input. Bytes that are not UTF-8 become the tokens of
  /// these bytes, so that decoding restores them; where a vocabulary has none for bytes that UTF-8
  /// never uses, U+FFFD. Errors: a vocabulary that cannot express the text; a text whose splitting
  /// by the vocabulary's pattern takes too long; a text larger than 512 MiB.
  virtual Result<std::vector<TokenId>> encode(std::string_view text,
                                              const EncodeOptions& options) const = 0;
  /// Ids of a rendered conversation. As for the whole text with `parse_special`, but no control
  /// token matches a stretch that touches a part from a user. `add_bos`: as metadata says, unless
  /// the text starts with BOS already; never EOS, for the answer follows.
  virtual Result<std::vector<TokenId>> encode(std::span<const PromptPart> parts,
                                              bool add_bos) const = 0;
  /// Where `text` spells control tokens, leftmost first and the longest at a place.
  virtual std::vector<TextRange> control_spellings(std::string_view text) const = 0;

  /// Bytes that a token contributes to the output; may be part of a code point. Control tokens give
  /// their text only if `render_special`. `id` must be in [0, vocab_size).
  virtual std::string token_bytes(TokenId id, bool render_special) const = 0;

  /// Bytes of a whole sequence; undoes the leading space that SentencePiece adds when `ids` starts
  /// a text (`at_start`).
  virtual std::string decode(const std::vector<TokenId>& ids, bool render_special,
                             bool at_start) const = 0;

  virtual int32_t vocab_size() const = 0;
  /// The piece as the vocabulary spells it (e.g. "▁the" or "Ġthe").
  virtual std::string_view piece(TokenId id) const = 0;
  virtual TokenType type(TokenId id) const = 0;
  /// Of a SentencePiece vocabulary: the higher, the earlier a piece is merged. 0 where there are
  /// none.
  virtual float score(TokenId id) const = 0;
  virtual std::optional<TokenId> find_piece(std::string_view piece) const = 0;

  virtual std::optional<TokenId> bos() const = 0;
  virtual std::optional<TokenId> eos() const = 0;
  /// Tokens that end a turn: eos, eot, and well-known ones such as <|im_end|>, <|eot_id|>.
  virtual const std::vector<TokenId>& end_of_generation() const = 0;
  virtual bool adds_bos() const = 0;
  /// "SPM" or "BPE", with the pre-tokenizer's name for BPE, e.g. "BPE (llama-bpe)".
  virtual std::string description() const = 0;
  /// Sentences for the user about how the vocabulary was read; mostly none.
  virtual const std::vector<std::string>& notes() const = 0;
};

}  // namespace whet
