#include "eval/question.h"

#include <utility>

#include "base/check.h"

namespace whet::eval {

std::string_view answer_kind_name(AnswerKind kind) {
  switch (kind) {
    case AnswerKind::kFree:
      return "free";
    case AnswerKind::kNumeric:
      return "numeric";
    case AnswerKind::kExact:
      return "exact";
    case AnswerKind::kChoice:
      return "choice";
    case AnswerKind::kPython:
      return "python";
    case AnswerKind::kRust:
      return "rust";
    case AnswerKind::kCpp:
      return "cpp";
  }
  WHET_UNREACHABLE();
}

std::string_view Question::text() const {
  return messages.empty() ? std::string_view() : std::string_view(messages.back().content);
}

Question Question::with_text(std::string text) const {
  Question other = *this;
  if (other.messages.empty()) {
    other.messages = user_turn(std::move(text));
  } else {
    other.messages.back().content = std::move(text);
  }
  return other;
}

std::vector<ChatMessage> user_turn(std::string text) {
  return {{.role = "user", .content = std::move(text)}};
}

}  // namespace whet::eval
