#include "eval/benchmark_line.h"

#include <gtest/gtest.h>

namespace whet::eval {
namespace {

Task task_of(const std::string& line) {
  const auto task = benchmark_task(nlohmann::json::parse(line), "file/7");
  EXPECT_TRUE(task.ok()) << task.error().message();
  EXPECT_TRUE(task.ok() && *task) << line;
  return task.ok() && *task ? **task : Task{};
}

std::string error_of(const std::string& line) {
  const auto task = benchmark_task(nlohmann::json::parse(line), "file/7");
  return task.ok() ? "no error" : task.error().message();
}

TEST(BenchmarkLine, Mbpp) {
  const Task task = task_of(
      R"({"task_id":11,"text":"Write a function to add one.","code":"def help(x):\n  return x\n)"
      R"(def add_one(x):\n  return help(x)+1","test_list":["assert add_one(1) == 2",)"
      R"("assert add_one(2) == 3"],"test_setup_code":"","challenge_test_list":[]})");
  EXPECT_EQ(task.id, "MBPP/11");
  EXPECT_EQ(task.question.kind, AnswerKind::kPython);
  EXPECT_EQ(task.question.entry_point, "add_one");
  EXPECT_EQ(task.question.examples, "assert add_one(1) == 2\n");
  EXPECT_EQ(task.key.tests, "assert add_one(1) == 2\nassert add_one(2) == 3\n");
  EXPECT_EQ(task.question.text().find("add_one(2)"), std::string::npos) << "hidden";
  EXPECT_EQ(error_of(R"({"task_id":1,"text":"x","code":"y = 1","test_list":["assert f(1) == 2"]})"),
            "\"code\": expected a function that \"test_list\" calls, found none");
}

TEST(BenchmarkLine, Math) {
  const Task number = task_of(
      R"({"problem":"1+1?","solution":"It is $\\boxed{2}$.","level":"Level 1","type":"Algebra"})");
  EXPECT_EQ(number.key.answer, "2");
  EXPECT_EQ(number.question.kind, AnswerKind::kNumeric);
  EXPECT_EQ(number.kind, "Algebra");
  const Task text = task_of(R"({"problem":"?","solution":"\\boxed{1} or \\boxed{\\frac{a}{b}}"})");
  EXPECT_EQ(text.key.answer, "\\frac{a}{b}");
  EXPECT_EQ(text.question.kind, AnswerKind::kExact);
  EXPECT_EQ(error_of(R"({"problem":"?","solution":"none"})"),
            "\"solution\": expected an answer in \\boxed{}, found none");
}

TEST(BenchmarkLine, Arc) {
  const Task task = task_of(
      R"({"id":"M1","question":"Which is hot?","choices":{"text":["ice","fire"],"label":["1","2"]},)"
      R"("answerKey":"2"})");
  EXPECT_EQ(task.id, "M1");
  EXPECT_EQ(task.key.answer, "B");
  EXPECT_EQ(task.question.context, "Question: Which is hot?\nAnswer:");
  EXPECT_EQ(task.question.choices, (std::vector<std::string>{" ice", " fire"}));
  EXPECT_NE(task.question.text().find("A. ice\nB. fire\n"), std::string::npos);
  EXPECT_EQ(error_of(R"({"question":"?","choices":{"text":["a","b"],"label":["A","B"]},)"
                     R"("answerKey":"C"})"),
            "\"answerKey\": expected one of A, B, found \"C\"");
}

TEST(BenchmarkLine, Mmlu) {
  const Task task =
      task_of(R"({"question":" Which? ","subject":"logic","choices":["x","y","z"],"answer":2})");
  EXPECT_EQ(task.question.context, "Which?\nA. x\nB. y\nC. z\nAnswer:");
  EXPECT_EQ(task.question.choices, (std::vector<std::string>{" A", " B", " C"}));
  EXPECT_EQ(task.key.answer, "C");
  EXPECT_EQ(task.kind, "logic");
  EXPECT_EQ(error_of(R"({"question":"?","choices":["x","y"],"answer":2})"),
            "expected the number of one of 2 choices, found 2");
}

TEST(BenchmarkLine, HellaSwag) {
  const Task task = task_of(
      R"({"activity_label":"Baking","ctx_a":"A man [title] bakes [x]bread.","ctx_b":"the Man",)"
      R"("endings":["eats  it.","[header] runs."],"label":"1","ind":3})");
  EXPECT_EQ(task.question.context, "Baking: A man. bakes bread. The man");
  EXPECT_EQ(task.question.choices, (std::vector<std::string>{" eats it.", "  runs."}));
  EXPECT_EQ(task.key.answer, "B");
}

TEST(BenchmarkLine, Squad) {
  const Task task =
      task_of(R"({"id":"q1","title":"t","context":"Bern is nice.","question":"What is nice?",)"
              R"("answers":{"text":["Bern","the Bern"],"answer_start":[0,0]}})");
  EXPECT_EQ(task.key.metric, "squad");
  EXPECT_EQ(task.group, "t");
  const auto without_title = [](const std::string& passage) {
    return task_of(R"({"id":"q","context":")" + passage +
                   R"(","question":"?","answers":{"text":["a"],"answer_start":[0]}})")
        .group;
  };
  EXPECT_EQ(without_title("one"), without_title("one"));
  EXPECT_NE(without_title("one"), without_title("two"));
  EXPECT_EQ(task.key.references, (std::vector<std::string>{"Bern", "the Bern"}));
  EXPECT_TRUE(task.question.text().starts_with("Bern is nice.\n\nQuestion: What is nice?"));
}

TEST(BenchmarkLine, HostileLinesAreErrors) {
  for (
      const char* line :
      {R"({"task_id":{},"test_list":[]})", R"({"task_id":1,"test_list":"x","text":1})",
       R"({"problem":7})", R"({"endings":7,"label":[]})",
       R"({"choices":7,"answerKey":"A","question":"x"})",
       R"({"choices":["a"],"answer":-1,"question":"x"})",
       R"({"context":"a","question":"b","answers":[],"id":"x"})",
       R"({"activity_label":"a","ctx_a":"[","ctx_b":"","endings":["a","b"],"label":"99999999999999999999"})"}) {
    const auto task = benchmark_task(nlohmann::json::parse(line), "file/7");
    EXPECT_FALSE(task.ok()) << line;
  }
}

}  // namespace
}  // namespace whet::eval
