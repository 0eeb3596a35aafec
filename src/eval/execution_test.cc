#include "eval/execution.h"

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <nlohmann/json.hpp>
#include <set>

#include "eval/code.h"
#include "eval/grader.h"
#include "eval/task_set.h"
#include "eval/toolchain.h"

namespace whet::eval {
namespace {

Question question_of(AnswerKind kind) {
  Question question;
  question.kind = kind;
  question.entry_point = "f";
  return question;
}

class ExecutionTest : public testing::TestWithParam<AnswerKind> {
 protected:
  void SetUp() override {
    if (!sandbox().ok()) GTEST_SKIP() << "no sandbox here: " << sandbox().error().message();
    const auto& toolchain = toolchain_of(GetParam());
    if (!toolchain.ok()) GTEST_SKIP() << toolchain.error().message();
  }
  static const Result<Sandbox>& sandbox() { return Sandbox::of_this_machine(); }

  /// Source of f(x) with this body, and `expression` wherever a statement may stand.
  static std::string function(const std::string& python, const std::string& rust,
                              const std::string& cpp) {
    switch (GetParam()) {
      case AnswerKind::kPython:
        return "def f(x):\n    " + python + "\n";
      case AnswerKind::kRust:
        return "fn f(x: i64) -> i64 {\n    " + rust + "\n}\n";
      default:
        return "long f(long x) {\n  " + cpp + "\n}\n";
    }
  }
  static std::string assertion(int x, int value) {
    const std::string call = "f(" + std::to_string(x) + ")";
    const std::string expected = std::to_string(value);
    switch (GetParam()) {
      case AnswerKind::kPython:
        return "assert " + call + " == " + expected + "\n";
      case AnswerKind::kRust:
        return "assert_eq!(" + call + ", " + expected + ");\n";
      default:
        return "assert(" + call + " == " + expected + ");\n";
    }
  }
  static Execution run(const std::string& source, const std::string& tests) {
    const auto execution = run_tests(*sandbox(), question_of(GetParam()), source, tests);
    EXPECT_TRUE(execution.ok()) << execution.error().message();
    return execution.ok() ? *execution : Execution{};
  }
  static const std::string kTests() { return assertion(1, 2) + assertion(5, 6); }
};

TEST_P(ExecutionTest, PassesARightProgram) {
  const auto execution = run(function("return x + 1", "x + 1", "return x + 1;"), kTests());
  EXPECT_TRUE(execution.passed) << execution.detail;
  EXPECT_EQ(execution.detail, "all assertions held");
}

TEST_P(ExecutionTest, FailsAWrongProgramAndSaysWhy) {
  const auto execution = run(function("return 2", "2", "return 2;"), kTests());
  EXPECT_FALSE(execution.passed);
  EXPECT_NE(execution.detail.find("ssert"), std::string::npos) << execution.detail;
}

TEST_P(ExecutionTest, FailsAProgramThatDoesNotCompile) {
  const auto execution = run(function("return (", "x + ", "return x + ;"), kTests());
  EXPECT_FALSE(execution.passed);
  EXPECT_NE(
      execution.detail.find(GetParam() == AnswerKind::kPython ? "SyntaxError" : "does not compile"),
      std::string::npos)
      << execution.detail;
}

TEST_P(ExecutionTest, AnEarlyExitWithStatusZeroIsWrong) {
  const auto execution =
      run(function("import os; os._exit(0)", "std::process::exit(0)", "_exit(0);"), kTests());
  EXPECT_FALSE(execution.passed);
  EXPECT_EQ(execution.detail, "exited before the last assertion");
}

TEST_P(ExecutionTest, EndlessWorkIsWrong) {
  const std::string source =
      function("while True: pass", "let mut y = x; loop { y = std::hint::black_box(y ^ 1); }",
               "for (volatile long i = 0;; i = i + 1) {}");
  const auto execution =
      run_tests(*sandbox(), question_of(GetParam()), source, kTests(), {.cpu_s = 1});
  ASSERT_TRUE(execution.ok()) << execution.error().message();
  EXPECT_FALSE(execution->passed);
  // On a crowded machine the wall clock may run out first.
  EXPECT_TRUE(execution->detail == "used up its processor time" || execution->detail == "timed out")
      << execution->detail;
}

TEST_P(ExecutionTest, ExamplesAreRunOneByOne) {
  Question question = question_of(GetParam());
  question.examples = assertion(1, 7) + assertion(2, 3) + assertion(3, 4);
  const auto examples =
      run_examples(*sandbox(), question, function("return x + 1", "x + 1", "return x + 1;"));
  ASSERT_TRUE(examples.ok()) << examples.error().message();
  ASSERT_EQ(examples->outcomes.size(), 3u);
  EXPECT_EQ(examples->n_held(), 2);
  EXPECT_FALSE(examples->outcomes[0].held);
  EXPECT_EQ(examples->outcomes[1].behaviour, GetParam() == AnswerKind::kPython ? "3" : "held");
  const auto dead = run_examples(*sandbox(), question, "(((");
  ASSERT_TRUE(dead.ok());
  EXPECT_EQ(dead->signature(), "");
}

INSTANTIATE_TEST_SUITE_P(Languages, ExecutionTest,
                         testing::Values(AnswerKind::kPython, AnswerKind::kRust, AnswerKind::kCpp),
                         [](const auto& param) {
                           return std::string(answer_kind_name(param.param));
                         });

class PythonTest : public testing::Test {
 protected:
  void SetUp() override {
    if (!Sandbox::of_this_machine().ok()) GTEST_SKIP() << "no sandbox here";
    if (!toolchain_of(AnswerKind::kPython).ok()) GTEST_SKIP() << "no Python";
  }
  static Execution run(const std::string& source) {
    const auto execution = run_tests(*Sandbox::of_this_machine(), question_of(AnswerKind::kPython),
                                     source, "assert f(1) == 2\n");
    EXPECT_TRUE(execution.ok()) << execution.error().message();
    return execution.ok() ? *execution : Execution{};
  }
};

TEST_F(PythonTest, ACandidateCannotPassByExitingOrByReplacingBuiltins) {
  for (const char* source : {
           "import sys\nsys.exit(0)\n",
           "import os\nos._exit(0)\n",
           "raise SystemExit(0)\n",
           "import os, signal\nos.kill(os.getpid(), signal.SIGTERM)\n",
           "print('passed')\nimport builtins\nbuiltins.exec = lambda *a: None\nbuiltins.compile = "
           "lambda *a: None\n",
           "import os\nos.write(3, b'1\\n')\nos._exit(0)\n",
           "import atexit, os\natexit.register(os._exit, 0)\n",
           "class F:\n    def __eq__(self, o): return False\ndef f(x): return F()\n",
           "",
       }) {
    EXPECT_FALSE(run(source).passed) << source;
  }
}

// The token alone is not enough: a program must also end well after its last assertion.
TEST_F(PythonTest, FailingBehindTheLastAssertionIsWrong) {
  EXPECT_FALSE(
      run("import atexit, os\natexit.register(os._exit, 3)\ndef f(x): return x + 1\n").passed);
}

TEST_F(PythonTest, SeesNothingOfTheDriversDirectory) {
  EXPECT_TRUE(run("import sys\ndef f(x): return 2 if '/job' not in sys.path else 0\n").passed);
  EXPECT_FALSE(run("import driver\ndef f(x): return x + 1\n").passed);
}

TEST_F(PythonTest, AcceptsFutureImportsWhereverTheyEndUp) {
  Question question = question_of(AnswerKind::kPython);
  question.setup = "import math";
  const auto execution = run_tests(
      *Sandbox::of_this_machine(), question,
      "from __future__ import annotations\ndef f(x: Later): return x + 1\n", "assert f(1) == 2\n");
  ASSERT_TRUE(execution.ok()) << execution.error().message();
  EXPECT_TRUE(execution->passed) << execution->detail;
}

TEST_F(PythonTest, SaysWhatTheSandboxLacks) {
  const auto threads =
      run("import threading\ndef f(x):\n    threading.Thread(target=print).start()\n    return x + "
          "1\n");
  EXPECT_TRUE(threads.lacks);
  EXPECT_EQ(threads.detail, "the program needs threads, which the sandbox does not have");
  const auto package = run("import numpy as np\ndef f(x): return int(np.add(x, 1))\n");
  EXPECT_TRUE(package.lacks);
  EXPECT_EQ(package.detail, "the program needs the package numpy, which the sandbox does not have");
  const auto processes = run("import os\ndef f(x):\n    os.fork()\n    return x + 1\n");
  EXPECT_TRUE(processes.lacks) << processes.detail;
  // An invented module is the candidate's own mistake, and so is what it raises itself.
  EXPECT_FALSE(run("import f_helpers\ndef f(x): return x + 1\n").lacks);
  EXPECT_FALSE(run("def f(x): raise PermissionError('no')\n").lacks);
}

TEST_F(PythonTest, AnExampleThatIsNotPythonHidesNoOther) {
  Question question = question_of(AnswerKind::kPython);
  question.examples = "assert f(1) == 2\nassert f(2) == 1 + 2 = 3\nassert f(3) == 4\n";
  const auto run = run_examples(*Sandbox::of_this_machine(), question, "def f(x): return x + 1\n");
  ASSERT_TRUE(run.ok()) << run.error().message();
  EXPECT_EQ(run->signature(), "12\n0is not Python\n14\n");
}

TEST_F(PythonTest, ExitingAtTheEndOfTheModuleSkipsNoTest) {
  EXPECT_TRUE(run("def f(x): return x + 1\nif __name__ == '__main__':\n    input()\n").passed);
  EXPECT_FALSE(run("def f(x): return 0\nimport atexit\n").passed);
}

TEST_F(PythonTest, HasTheStandardLibraryThatTasksUse) {
  EXPECT_TRUE(
      run("import math, re, itertools, functools, collections, heapq, string, typing, copy,"
          " random, hashlib\nfrom typing import List, Dict\ndef f(x: int) -> int: return x + 1\n")
          .passed);
}

TEST_F(PythonTest, StringHashesAreFixed) {
  Question question = question_of(AnswerKind::kPython);
  question.examples = "assert f(1) == 0\n";
  std::string first;
  for (int i = 0; i < 3; ++i) {
    const auto run = run_examples(*Sandbox::of_this_machine(), question,
                                  "def f(x): return list({'a','b','c','d','e'})");
    ASSERT_TRUE(run.ok());
    ASSERT_NE(run->signature(), "");
    if (i == 0) first = run->signature();
    EXPECT_EQ(run->signature(), first);
  }
}

TEST_F(PythonTest, ShowsBehaviourBeyondPassAndFail) {
  Question question = question_of(AnswerKind::kPython);
  question.examples = "assert f(1) == 2\nassert f(0) == 0\n";
  const auto run = run_examples(*Sandbox::of_this_machine(), question, "def f(x): return [1 // x]");
  ASSERT_TRUE(run.ok());
  EXPECT_EQ(run->signature(), "0[1]\n0raised ZeroDivisionError\n");
}

// The sets themselves are not in the repository; these are the shapes of tasks 46, 63, 67, 76, 151.
TEST_F(PythonTest, OddDocstringsTellCandidatesApart) {
  struct Case {
    const char* docstring;
    const char* body;
    int64_t n_examples;
  };
  for (const auto& [docstring, body, n_examples] :
       {Case{"Each number is the sum of the four before it:\n    f(0) -> 0\n    f(1) -> 0\n"
             "    f(2) -> 2\n    f(3) -> 0\n    f(n) -> f(n-1) + f(n-2) + f(n-3) + f(n-4).\n"
             "    >>> f(5)\n    4\n    ",
             "    a = [0, 0, 2, 0]\n    while len(a) <= x[0]: a.append(sum(a[-4:]))\n"
             "    return a[x[0]]\n",
             5},
        Case{"Of the three before it:\n    f(0) == 0\n    f(2) == 1\n"
             "    f(n) == f(n-1) + f(n-2) + f(n-3).\n    >>> f(8)\n    24\n    ",
             "    a = [0, 0, 1]\n    while len(a) <= x[0]: a.append(sum(a[-3:]))\n"
             "    return a[x[0]]\n",
             3},
        Case{"f(\"5 red and 6 blue\", 19) ->19 - 5 - 6 = 8\n"
             "    f(\"0 red and 1 blue\",3) -> 3 - 0 - 1 = 2\n    ",
             "    return x[1] - sum(int(word) for word in x[0].split() if word.isdigit())\n", 2},
        Case{"f(8, 2) => true\n    f(1, 4) => true\n    f(3, 2) => false\n    ",
             "    n = 1\n    while n < x[0]: n *= x[1]\n    return n == x[0]\n", 3},
        Case{"f([1, 3, 2, 0]) == 1 + 9 + 0 + 0 = 10\n    f([-1, -2, 0]) == 0\n    f([0]) == 0  \n\n"
             "    An empty list gives 0.\n    ",
             "    return sum(i * i for i in x[0] if i > 0 and i % 2)\n", 3}}) {
    const nlohmann::json line = {
        {"task_id", "t"},
        {"prompt", fmt::format("def f(*x):\n    \"\"\"{}\"\"\"\n", docstring)},
        {"entry_point", "f"},
        {"canonical_solution", body},
        {"test", "def check(candidate):\n    pass\n"}};
    const auto set = parse_tasks(line.dump(), "t.jsonl");
    ASSERT_TRUE(set.ok()) << set.error().message();
    const Task& task = set->tasks[0];
    const auto held = [&](const std::string& reply) {
      const auto code = extract_code(task.question, reply);
      EXPECT_TRUE(code) << reply;
      const auto run = run_examples(*Sandbox::of_this_machine(), task.question, code->source);
      EXPECT_TRUE(run.ok() && static_cast<int64_t>(run->outcomes.size()) == n_examples)
          << task.question.examples;
      return run.ok() ? run->n_held() : -1;
    };
    EXPECT_EQ(held(task.key.solution), n_examples) << task.question.examples;
    EXPECT_EQ(held("    return None\n"), 0) << task.question.examples;
  }
}

class HumanEvalTest : public PythonTest {
 protected:
  void SetUp() override {
    PythonTest::SetUp();
    if (IsSkipped()) return;
    const std::string path = std::string(WHET_SHARED_DIR) + "/data/tasks/HumanEval.jsonl.gz";
    if (!std::filesystem::exists(path)) GTEST_SKIP() << "no " << path;
    auto set = load_task_file(path);
    ASSERT_TRUE(set.ok()) << set.error().message();
    tasks_ = std::move(set->tasks);
  }
  std::vector<Task> tasks_;
};

TEST_F(HumanEvalTest, GradesAllReferencesAsRight) {
  std::vector<GradeJob> jobs;
  for (const Task& task : tasks_) jobs.push_back({&task, task.key.solution});
  const Grader grader(&*Sandbox::of_this_machine());
  const auto grades = grader.grade_all(jobs, 2);
  ASSERT_EQ(grades.size(), 164u);
  for (size_t i = 0; i < jobs.size(); ++i) {
    EXPECT_TRUE(grades[i].correct()) << tasks_[i].id << ": " << grades[i].detail;
  }
}

TEST_F(HumanEvalTest, GradesStubsAsWrong) {
  constexpr size_t kStride = 8;  // every task would take as long as the references
  std::vector<GradeJob> jobs;
  for (size_t i = 0; i < tasks_.size(); i += kStride) {
    jobs.push_back({&tasks_[i], "    return None\n"});
  }
  const Grader grader(&*Sandbox::of_this_machine());
  for (const Grade& grade : grader.grade_all(jobs, 2)) {
    EXPECT_EQ(grade.status, GradeStatus::kWrong) << grade.detail;
  }
}

// The examples that are read from the docstrings hold for the references, but for those tasks whose
// docstring contradicts its own solution (docs/tasks.md names them).
TEST_F(HumanEvalTest, ReferencesHoldTheExamplesOfTheirDocstrings) {
  const std::set<std::string> wrong_docs = {"HumanEval/47", "HumanEval/116", "HumanEval/130",
                                            "HumanEval/148"};
  size_t n_with_examples = 0;
  for (const Task& task : tasks_) {
    if (task.question.examples.empty()) continue;
    ++n_with_examples;
    const auto code = extract_code(task.question, task.key.solution);
    ASSERT_TRUE(code) << task.id;
    const auto run = run_examples(*Sandbox::of_this_machine(), task.question, code->source);
    ASSERT_TRUE(run.ok()) << run.error().message();
    ASSERT_FALSE(run->outcomes.empty()) << task.id << "\n" << task.question.examples;
    const bool all_held = run->n_held() == static_cast<int64_t>(run->outcomes.size());
    EXPECT_EQ(all_held, !wrong_docs.contains(task.id))
        << task.id << "\n"
        << task.question.examples << run->signature();
  }
  EXPECT_EQ(n_with_examples, 140u);
}

Task numeric_task() {
  Task task;
  task.id = "n";
  task.question.kind = AnswerKind::kNumeric;
  task.key.answer = "42";
  return task;
}

TEST(Grader, SaysByWhichRuleATextIsRight) {
  const Grader grader(nullptr);
  const Task task = numeric_task();
  const auto marked = grader.grade(task, "Answer: 42.0");
  EXPECT_TRUE(marked.correct());
  EXPECT_TRUE(marked.strict);
  EXPECT_EQ(marked.rule, "answer_line");
  const auto unmarked = grader.grade(task, "so we get 42");
  EXPECT_TRUE(unmarked.correct());
  EXPECT_FALSE(unmarked.strict);
  EXPECT_EQ(unmarked.rule, "last_number");
  EXPECT_EQ(grader.grade(task, "Answer: 41").status, GradeStatus::kWrong);
  // No answer is wrong, not ungraded.
  EXPECT_EQ(grader.grade(task, "").status, GradeStatus::kWrong);
  EXPECT_EQ(grader.grade(task, "").detail, "no answer found");
}

TEST(Grader, StrictMeansSpeltExactly) {
  const Grader grader(nullptr);
  Task task;
  task.question.kind = AnswerKind::kExact;
  task.key.answer = "Paris";
  EXPECT_TRUE(grader.grade(task, "Answer: Paris").strict);
  const auto other_case = grader.grade(task, "Answer: paris");
  EXPECT_TRUE(other_case.correct());
  EXPECT_FALSE(other_case.strict);
  task.question.kind = AnswerKind::kChoice;
  task.key.answer = "B";
  EXPECT_TRUE(grader.grade(task, "Answer: B").strict);
  EXPECT_TRUE(grader.grade(task, "Answer: (B) Paris").correct());
  EXPECT_FALSE(grader.grade(task, "Answer: (B) Paris").strict);
}

// Two tasks may get the same program and ask different things of it.
TEST_F(PythonTest, GradesOneProgramForEachTaskOnItsOwn) {
  const Grader grader(&*Sandbox::of_this_machine());
  Task first;
  first.question = question_of(AnswerKind::kPython);
  first.key.tests = "assert f(1) == 2\n";
  Task second = first;
  second.key.tests = "assert f(1) == 3\n";
  const std::string source = "def f(x): return x + 1\n";
  EXPECT_TRUE(grader.grade(first, source).correct());
  EXPECT_FALSE(grader.grade(second, source).correct());
  EXPECT_TRUE(grader.grade(first, source).correct());
}

TEST(Grader, DoesNotGradeCodeWithoutASandbox) {
  const Grader grader(nullptr, "code execution is off (--allow-code-exec)");
  Task task;
  task.question = question_of(AnswerKind::kPython);
  task.key.tests = "assert f(1) == 2\n";
  const auto grade = grader.grade(task, "def f(x): return 2");
  EXPECT_EQ(grade.status, GradeStatus::kNotGraded);
  EXPECT_EQ(grade.detail, "code execution is off (--allow-code-exec)");
  task.question.kind = AnswerKind::kFree;
  EXPECT_EQ(grader.grade(task, "text").status, GradeStatus::kNotGraded);
}

TEST(Grader, GradesManyInOrderOnSeveralThreads) {
  const Grader grader(nullptr);
  const Task task = numeric_task();
  std::vector<GradeJob> jobs;
  for (int i = 0; i < 101; ++i) jobs.push_back({&task, i % 3 == 0 ? "Answer: 42" : "Answer: 7"});
  const auto grades = grader.grade_all(jobs, 4);
  ASSERT_EQ(grades.size(), jobs.size());
  for (size_t i = 0; i < grades.size(); ++i) EXPECT_EQ(grades[i].correct(), i % 3 == 0);
  EXPECT_TRUE(grader.grade_all({}, 4).empty());
}

}  // namespace
}  // namespace whet::eval
