// PreTokenizer: cuts a text into the stretches ("words") that merges never cross. A list of steps,
// each of which refines the stretches that the step before left.
#pragma once

#include <deque>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/result.h"
#include "token/regex.h"

namespace whet {

/// What becomes of the stretches that a pattern matches (the delimiters).
enum class SplitBehavior {
  kIsolated,            // each is a word of its own
  kRemoved,             // dropped
  kMergedWithPrevious,  // the end of the word before
  kMergedWithNext,      // the start of the word after
  kContiguous,          // neighbours form one word
};

struct SplitStep {
  Regex pattern;
  SplitBehavior behavior = SplitBehavior::kIsolated;
  /// The pattern matches the words, and what is between them is the delimiter.
  bool invert = false;
};

/// Spells spaces as `replacement` and may put one in front.
struct MetaspaceStep {
  enum class Prepend { kNever, kFirst, kAlways };
  std::string replacement;
  /// kFirst: only at the start of the whole text.
  Prepend prepend;
  bool splits;
};

/// Puts a space in front of stretches that do not start with one.
struct LeadingSpaceStep {};

/// Spells bytes in GPT-2's alphabet, and back: patterns between the two see its letters.
struct SpellBytesStep {};
struct UnspellBytesStep {};

using PreTokenizerStep =
    std::variant<SplitStep, MetaspaceStep, LeadingSpaceStep, SpellBytesStep, UnspellBytesStep>;

/// The words of a text; views into the text or into `rewritten`.
struct Words {
  std::vector<std::string_view> words;
  std::deque<std::string> rewritten;
};

class PreTokenizer {
 public:
  PreTokenizer() = default;
  explicit PreTokenizer(std::vector<PreTokenizerStep> steps) : steps_(std::move(steps)) {}

  /// Any bytes: a pattern sees only valid UTF-8, a stretch of other bytes is no match.
  /// `at_start`: the text starts the whole input. Threads: safe.
  Result<Words> split(std::string_view text, bool at_start) const;

 private:
  std::vector<PreTokenizerStep> steps_;
};

}  // namespace whet
