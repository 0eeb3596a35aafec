// Marks: the places of a text where it says "this is my answer".
#pragma once

#include <string_view>
#include <vector>

namespace whet::eval {

enum class AnswerRule {
  kAnswerLine,  // "Answer: X", "**Answer:** X", "the answer is X", a heading "Final Answer"
  kHashes,      // "#### X"
  kBoxed,       // \boxed{X}
  kTag,         // <answer>X</answer>
  kLastNumber,  // fallback, numeric only: the last number of the text
  kLastLine,    // fallback, exact only: the last line, if it is short
  kOnlyLetter,  // fallback, choice only: a first or last line that is a choice, or the one letter
                // that the text names as "(B)" or "option B"
};
/// "answer_line", "hashes", "boxed", "tag", "last_number", "last_line", "only_letter".
std::string_view answer_rule_name(AnswerRule rule);
constexpr bool is_marked(AnswerRule rule) {
  return rule != AnswerRule::kLastNumber && rule != AnswerRule::kLastLine &&
         rule != AnswerRule::kOnlyLetter;
}

struct Mark {
  size_t begin;
  size_t end;              // behind the value
  std::string_view value;  // without the quotes and the emphasis around it; may be empty
  AnswerRule rule;
  bool in_prose;  // "... the answer is X" inside a line: weaker than a mark that stands by itself
};

/// The marks of `text` (the last 256 of them), in order of where they begin. The value is what
/// follows on the line, or the next line that is not blank. "Answer: 5 or \boxed{6}" has two marks,
/// the box is the later one.
std::vector<Mark> find_marks(std::string_view text);

/// `text` without white space, quotes and Markdown emphasis at both ends.
std::string_view unwrapped(std::string_view text);

}  // namespace whet::eval
