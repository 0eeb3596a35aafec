#include "eval/question.h"

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

}  // namespace whet::eval
