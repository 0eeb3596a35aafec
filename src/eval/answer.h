// The final answer in a text: where it is marked, which rule found it, and a key that is equal for
// equal answers (votes are counted by key). An empty answer is never an answer.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "eval/question.h"

namespace whet::eval {

enum class AnswerRule {
  kAnswerLine,  // "Answer: X", "**Answer:** X", "the answer is X"
  kHashes,      // "#### X"
  kBoxed,       // \boxed{X}
  kLastNumber,  // fallback, numeric only: the last number of the text
  kLastLine,    // fallback, exact only: the last line, if it is short
};
/// "answer_line", "hashes", "boxed", "last_number", "last_line".
std::string_view answer_rule_name(AnswerRule rule);
inline bool is_marked(AnswerRule rule) {
  return rule != AnswerRule::kLastNumber && rule != AnswerRule::kLastLine;
}

struct Answer {
  std::string text;  // as written, without what surrounds it
  std::string key;   // numeric: the exact value; exact: normalise_text(text); never empty
  AnswerRule rule;
};

/// The answer to a numeric or exact question: the last mark in `text` that holds an answer of that
/// kind, else the fallback rule. Nothing for other kinds, or if no rule finds one.
std::optional<Answer> extract_answer(AnswerKind kind, std::string_view text);

/// Whether `answer` is `expected`: numeric by exact value, exact by normalised text.
bool answers_match(AnswerKind kind, const Answer& answer, std::string_view expected);

/// Spelling that does not count: case (ASCII), runs of white space, quotes and emphasis around it,
/// one period at the end; a list of numbers is its numbers, with or without brackets and commas.
std::string normalise_text(std::string_view text);

/// `text` without white space at both ends.
std::string_view trimmed(std::string_view text);

}  // namespace whet::eval
