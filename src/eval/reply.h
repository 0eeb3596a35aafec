// The part of a model's reply that answers: without its reasoning, and without the next question
// that a base model invents behind its answer.
#pragma once

#include <string>
#include <string_view>

namespace whet::eval {

/// `text` without reasoning blocks: <think>...</think> and its kin (thinking, thought, reasoning,
/// reflection, analysis, scratchpad), [THINK]...[/THINK], and the analysis channel of gpt-oss.
/// A closing tag alone ends a block that the prompt opened; a block that never ends is reasoning to
/// the end of the text. A tag in quotes or behind a backtick is a word, not a tag.
std::string without_reasoning(std::string_view text);

/// Where a line such as "Question:", "Q:", "Human:" starts, at or behind `from`; npos if none does.
size_t next_question_line(std::string_view text, size_t from);

}  // namespace whet::eval
