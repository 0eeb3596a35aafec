// Normalizer: rewrites a stretch of text before it is split, as the vocabulary was trained on it.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/result.h"
#include "token/character_map.h"
#include "token/regex.h"

namespace whet {

enum class UnicodeForm { kNfc, kNfd, kNfkc, kNfkd };

struct ReplaceText {
  /// Where `regex` is empty, `from` is a literal; then bytes that are not UTF-8 do not matter.
  std::string from;
  std::optional<Regex> regex;
  std::string to;
};
struct PrependText {
  std::string text;
};
struct StripWhiteSpace {
  bool left;
  bool right;
};
struct Lowercase {};
/// BERT's: control characters go and white space becomes spaces, ideographs stand alone, accents
/// go, letters become small. Characters younger than Unicode 8 have no class in Hugging Face's
/// tables for it, and may differ.
struct BertText {
  bool cleans;
  bool separates_ideographs;
  bool strips_accents;
  bool lowercases;
};

using NormalizerStep =
    std::variant<UnicodeForm, ReplaceText, PrependText, StripWhiteSpace, Lowercase, CharacterMap, BertText>;

class Normalizer {
 public:
  Normalizer() = default;
  explicit Normalizer(std::vector<NormalizerStep> steps) : steps_(std::move(steps)) {}

  bool empty() const { return steps_.empty(); }
  /// Any bytes; what is not valid UTF-8 stays as it is. Empty text stays empty.
  Result<std::string> apply(std::string_view text) const;

 private:
  std::vector<NormalizerStep> steps_;
};

}  // namespace whet
