// Question: what a strategy may see of a task. Task: the question and the key that only a grader
// sees, so that no strategy can look at a hidden test or at the expected answer.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "generator/prompt.h"

namespace whet::eval {

enum class AnswerKind { kFree, kNumeric, kExact, kChoice, kPython, kRust, kCpp };

/// "free", "numeric", "exact", "choice", "python", "rust", "cpp".
std::string_view answer_kind_name(AnswerKind kind);
inline bool is_code(AnswerKind kind) {
  return kind == AnswerKind::kPython || kind == AnswerKind::kRust || kind == AnswerKind::kCpp;
}
/// Whether the answer is a piece of the reply that is compared with the key.
inline bool has_text_answer(AnswerKind kind) {
  return kind == AnswerKind::kNumeric || kind == AnswerKind::kExact || kind == AnswerKind::kChoice;
}

struct Question {
  std::vector<ChatMessage> messages;  // the conversation; the last one is the user's turn
  AnswerKind kind = AnswerKind::kFree;
  // Multiple choice by log-probabilities: the text before, and each choice as it follows it, with
  // its space. Empty: the question can only be answered by writing.
  std::string context;
  std::vector<std::string> choices;
  // Code only.
  std::string entry_point;  // name of the function asked for
  std::string examples;     // public assertions, also shown in the prompt; may be empty
  std::string setup;        // source before the candidate, e.g. imports
  std::string code_prefix;  // HumanEval: the header that a bare body continues

  /// The user's last turn, complete; "" without one.
  std::string_view text() const;
  /// The same conversation with another last turn.
  Question with_text(std::string text) const;
};

/// The conversation that is one turn of the user.
std::vector<ChatMessage> user_turn(std::string text);

struct AnswerKey {
  std::string answer;    // numeric, exact and choice
  std::string tests;     // code: hidden assertions
  std::string solution;  // code: a reply that is right; "" where the file has none
  // Free text: what it is compared with, and how: "squad", "rouge", "bleu", "chrf".
  std::string metric;
  std::vector<std::string> references;
};

struct Task {
  std::string id;
  std::string family;  // what results are broken down by
  std::string kind;    // a finer label, for readers; may be empty
  std::string group;   // tasks of one group are drawn together; "" = this one is on its own
  Question question;
  AnswerKey key;
};

}  // namespace whet::eval
