// The final answer in a text: where it is marked, which rule found it, and a key that is equal for
// equal answers (votes are counted by key). An empty answer is never an answer, and a text that
// gives several ("5 or 6") gives none.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "eval/mark.h"
#include "eval/question.h"

namespace whet::eval {

struct Answer {
  std::string text;  // as written, without what surrounds it; numeric: in plain notation
  std::string key;   // numeric: the exact value; choice: the letter; exact: normalise_text(text)
  AnswerRule rule;
};

/// The answer to a numeric, choice or exact question: the last mark in `text` that holds an answer
/// of that kind, else the fallback rule. Reasoning blocks and a next question that the model
/// invents behind its answer do not count. Nothing for other kinds, if no rule finds an answer, or
/// if the answer is ambiguous.
std::optional<Answer> extract_answer(AnswerKind kind, std::string_view text);

/// Whether `answer` is `expected`: numeric by exact value, choice by letter, exact by normalised
/// text. "1,234" may be a number and a list: exact answers match if one reading of both does.
bool answers_match(AnswerKind kind, const Answer& answer, std::string_view expected);

/// Spelling that does not count: case (ASCII), runs of white space, quotes and emphasis around it,
/// one period at the end, what plain_notation() makes plain; a list of numbers is its numbers, with
/// or without brackets and commas.
std::string normalise_text(std::string_view text);

/// `text` without white space at both ends.
std::string_view trimmed(std::string_view text);

}  // namespace whet::eval
