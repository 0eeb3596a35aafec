// The program in a text: which part of a completion is the candidate's source code.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "eval/question.h"

namespace whet::eval {

enum class CodeRule {
  kFence,         // a fenced block that defines the entry point, or the first block of the language
  kRaw,           // no fence: the text itself is source
  kContinuation,  // the text continues the question's header (HumanEval's completion style)
};
/// "fence", "raw", "continuation".
std::string_view code_rule_name(CodeRule rule);

struct Code {
  std::string source;  // never blank; includes the question's header where it is needed
  CodeRule rule;
};

/// The candidate program of `text` for a code question; reasoning blocks do not count.
/// Of the fenced blocks that define the entry point the last one, in Python with the blocks of
/// helpers before it that it needs; else the text outside of the
/// fences, if it defines it; else the first block tagged with the language; else the first block
/// without a tag. Where the question has a header, a block or a text that defines nothing is its
/// body. A name in a comment or a string defines nothing. A fence that is never closed runs to the
/// end of the text; one that stands behind source and opens nothing ends it.
std::optional<Code> extract_code(const Question& question, std::string_view text);

/// Source with blank lines, full-line comments and trailing white space removed: equal keys are
/// equal programs (the converse does not hold).
std::string code_key(AnswerKind kind, std::string_view source);

}  // namespace whet::eval
