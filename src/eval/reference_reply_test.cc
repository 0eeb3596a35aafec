#include "eval/reference_reply.h"

#include <gtest/gtest.h>

#include "eval/grader.h"
#include "eval/task_set.h"

namespace whet::eval {
namespace {

TEST(ReferenceReply, OfEveryTaskOfThisRepositoryIsRight) {
  const auto all = load_task_dir(std::string(WHET_SOURCE_DIR) + "/tasks");
  ASSERT_TRUE(all.ok()) << all.error().message();
  const Grader grader(nullptr);
  int n_graded = 0;
  for (const Task& task : all->tasks) {
    const auto reply = reference_reply(task);
    if (is_code(task.question.kind)) {
      EXPECT_EQ(reply.has_value(), !task.key.solution.empty()) << task.id;
      continue;
    }
    ASSERT_TRUE(reply) << task.id;
    const Grade grade = grader.grade(task, *reply);
    EXPECT_TRUE(grade.correct()) << task.id << ": " << grade.detail;
    ++n_graded;
  }
  EXPECT_GE(n_graded, 100);
}

TEST(ReferenceReply, OfAMetricThatJudgesNothingIsNone) {
  Task task;
  task.key.references = {"Bern", "the city of Bern"};
  task.key.metric = "rouge";
  EXPECT_FALSE(reference_reply(task));
  task.key.metric = "squad";
  EXPECT_EQ(*reference_reply(task), "Bern");
}

TEST(ReferenceReply, OfCodeIsTheSolutionOfTheFile) {
  const auto set = parse_tasks(
      R"({"task_id":"HumanEval/0","prompt":"def f(x):\n","entry_point":"f",)"
      R"("canonical_solution":"    return x\n","test":"def check(f):\n    assert f(1) == 1\n"})"
      "\n"
      R"({"task_id":2,"text":"Add.","code":"def g(x):\n  return x+1","test_list":["assert g(1) == 2"]})"
      "\n"
      R"({"id":"own","family":"f","prompt":"?","grader":{"type":"python","entry_point":"h",)"
      R"("tests":"assert h() == 1\n","solution":"def h(): return 1"}})",
      "mixed.jsonl");
  ASSERT_TRUE(set.ok()) << set.error().message();
  EXPECT_EQ(*reference_reply(set->tasks[0]), "    return x\n");
  EXPECT_EQ(*reference_reply(set->tasks[1]), "```python\ndef g(x):\n  return x+1\n```");
  EXPECT_EQ(*reference_reply(set->tasks[2]), "def h(): return 1");
}

}  // namespace
}  // namespace whet::eval
