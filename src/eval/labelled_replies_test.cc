// Replies labelled by hand: what a careful reader says of each, not what this code says.
// docs/graders.md prints the agreement that is measured here.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <fstream>
#include <iterator>
#include <map>
#include <nlohmann/json.hpp>

#include "eval/grader.h"
#include "eval/toolchain.h"

namespace whet::eval {
namespace {

struct LabelledReply {
  Task task;
  std::string reply;
  std::string label;  // "right", "wrong", "none" (gives no single answer), "not_graded"
};

AnswerKind kind_of(const std::string& name) {
  for (AnswerKind kind : {AnswerKind::kNumeric, AnswerKind::kExact, AnswerKind::kChoice,
                          AnswerKind::kPython, AnswerKind::kRust, AnswerKind::kCpp}) {
    if (answer_kind_name(kind) == name) return kind;
  }
  ADD_FAILURE() << "unknown type " << name;
  return AnswerKind::kFree;
}

std::vector<LabelledReply> labelled_replies() {
  std::vector<LabelledReply> replies;
  std::ifstream file(std::string(WHET_SOURCE_DIR) + "/tests/golden/labelled_replies.jsonl");
  for (std::string line; std::getline(file, line);) {
    const auto json = nlohmann::json::parse(line);
    LabelledReply reply;
    reply.task.id = json.at("id");
    reply.task.question.kind = kind_of(json.at("type"));
    reply.task.key.answer = json.value("answer", "");
    reply.task.key.tests = json.value("tests", "");
    reply.task.question.entry_point = json.value("entry_point", "");
    reply.task.question.code_prefix = json.value("prefix", "");
    reply.task.question.setup = json.value("setup", "");
    reply.reply = json.at("reply");
    reply.label = json.at("label");
    replies.push_back(std::move(reply));
  }
  return replies;
}

/// What the grader says, in the words of the labels.
std::string verdict_of(const Grade& grade) {
  if (grade.status == GradeStatus::kCorrect) return "right";
  if (grade.status == GradeStatus::kNotGraded) return "not_graded";
  return grade.rule.empty() ? "none" : "wrong";
}

/// Labels on which a careful reader and the grader are known to differ, and why.
const std::map<std::string, std::string>& known_disagreements() {
  static const std::map<std::string, std::string> known = {
      {"numeric/124", "\"2 dozen\" for 24: read as 2 of a unit, as where dozens are asked for"},
      {"heldout/numeric/5",
       "number words in a sentence: \"one\" and \"two\" are also plain words"}};
  return known;
}

TEST(LabelledReplies, AgreeWithTheGrader) {
  const auto replies = labelled_replies();
  ASSERT_GE(replies.size(), 300u);
  const auto& sandbox = Sandbox::of_this_machine();
  const Grader grader(sandbox.ok() ? &*sandbox : nullptr);
  std::map<std::string, std::pair<int, int>> agreement;  // by type: agreeing, all
  for (const LabelledReply& reply : replies) {
    const AnswerKind kind = reply.task.question.kind;
    if (is_code(kind) && (!sandbox.ok() || !toolchain_of(kind).ok())) continue;
    const Grade grade = grader.grade(reply.task, reply.reply);
    const std::string verdict = verdict_of(grade);
    auto& [agreeing, all] = agreement[std::string(answer_kind_name(kind))];
    ++all;
    agreeing += verdict == reply.label;
    const bool expected = !known_disagreements().contains(reply.task.id);
    EXPECT_EQ(verdict == reply.label, expected)
        << reply.task.id << ": labelled " << reply.label << ", graded " << verdict << " ("
        << grade.rule << ": " << grade.detail << "), key " << reply.task.key.answer << "\n"
        << reply.reply;
  }
  std::ifstream page(std::string(WHET_SOURCE_DIR) + "/docs/graders.md");
  const std::string docs{std::istreambuf_iterator<char>(page), {}};
  for (const auto& [type, counts] : agreement) {
    const std::string row = fmt::format("| {} | {} | {} |", type, counts.second, counts.first);
    EXPECT_NE(docs.find(row), std::string::npos) << "docs/graders.md: expected the row " << row;
    fmt::print("{:8} {} of {}\n", type, counts.first, counts.second);
  }
}

}  // namespace
}  // namespace whet::eval
