#include "eval/task_set.h"

#include <gtest/gtest.h>
#include <zlib.h>

#include <filesystem>
#include <fstream>
#include <map>

#include "eval/human_eval.h"

namespace whet::eval {
namespace {

constexpr const char* kNumeric =
    R"({"id":"a/1","family":"a","prompt":"1+1?","grader":{"type":"numeric","answer":"2"}})";
constexpr const char* kPython =
    R"({"id":"p/1","family":"python","prompt":"Write f.","grader":{"type":"python",)"
    R"("entry_point":"f","examples":"assert f(1) == 1\n","tests":"assert f(2) == 2\n"}})";

std::string error_of(std::string_view content) {
  const auto set = parse_tasks(content, "dir/x.jsonl");
  return set.ok() ? "no error" : set.error().message();
}

TEST(TaskSet, ReadsNativeLines) {
  const auto set = parse_tasks(std::string(kNumeric) + "\n\n" + kPython, "dir/x.jsonl");
  ASSERT_TRUE(set.ok()) << set.error().message();
  EXPECT_EQ(set->name, "x");
  ASSERT_EQ(set->tasks.size(), 2u);
  EXPECT_EQ(set->tasks[0].key.answer, "2");
  EXPECT_EQ(set->tasks[1].question.kind, AnswerKind::kPython);
  EXPECT_EQ(set->tasks[1].question.entry_point, "f");
  EXPECT_EQ(set->tasks[1].question.examples, "assert f(1) == 1\n");
  EXPECT_EQ(set->tasks[1].key.tests, "assert f(2) == 2\n");
}

TEST(TaskSet, ReadsGsm8kLines) {
  const auto set = parse_tasks(
      R"({"question":"How many?","answer":"3 + 4 = <<3+4=7>>7\n#### 1,007"})", "gsm8k-test.jsonl");
  ASSERT_TRUE(set.ok()) << set.error().message();
  EXPECT_EQ(set->tasks[0].id, "gsm8k-test/0");
  EXPECT_EQ(set->tasks[0].key.answer, "1,007");
  EXPECT_TRUE(set->tasks[0].question.text().starts_with("How many?\n"));
  EXPECT_NE(set->tasks[0].question.text().find("\"Answer: \""), std::string::npos);
}

TEST(TaskSet, ReadsHumanEvalLines) {
  const auto set = parse_tasks(
      R"({"task_id":"HumanEval/0","prompt":"def f(x):\n    \"\"\"\n    >>> f(1)\n    2\n    \"\"\"\n",)"
      R"("entry_point":"f","canonical_solution":"    return x + 1\n","test":"def check(c):\n    assert c(3) == 4\n"})",
      "h.jsonl");
  ASSERT_TRUE(set.ok()) << set.error().message();
  const Task& task = set->tasks[0];
  EXPECT_EQ(task.question.examples, "assert f(1) == 2\n");
  EXPECT_TRUE(task.key.tests.ends_with("check(f)\n"));
  EXPECT_EQ(task.question.text().find("c(3)"), std::string::npos);
}

TEST(TaskSet, AQuestionMayBeAConversation) {
  const std::string grader = R"("grader":{"type":"numeric","answer":"2"}})";
  const auto line = [&](const std::string& messages) {
    return R"({"id":"a","family":"a","messages":)" + messages + "," + grader;
  };
  const auto set = parse_tasks(line(R"([{"role":"system","content":"Be brief."},
      {"role":"user","content":"Hi"},{"role":"assistant","content":"Hello"},
      {"role":"user","content":"1+1?"}])"),
                               "x.jsonl");
  ASSERT_FALSE(set.ok()) << "a task is one line";
  const auto one_line = parse_tasks(
      line(R"([{"role":"system","content":"Be brief."},{"role":"user","content":"Hi"},)"
           R"({"role":"assistant","content":"Hello"},{"role":"user","content":"1+1?"}])"),
      "x.jsonl");
  ASSERT_TRUE(one_line.ok()) << one_line.error().message();
  const Question& question = one_line->tasks[0].question;
  EXPECT_EQ(question.messages.size(), 4u);
  EXPECT_EQ(question.text(), "1+1?");
  EXPECT_EQ(question.with_text("2+2?").messages[2].content, "Hello");
  EXPECT_EQ(question.with_text("2+2?").text(), "2+2?");
  const std::pair<const char*, const char*> bad[] = {
      {"[]", "\"messages\": expected an array of messages, found an empty one"},
      {"7", "\"messages\": expected an array of messages, found number"},
      {"[1]", "messages[0]: expected an object, found number"},
      {R"([{"role":"tool","content":"x"}])",
       "messages[0]: role: expected user or assistant or system, found \"tool\""},
      {R"([{"role":"user","content":" "}])", "messages[0]: content: expected text, found \"\""},
      {R"([{"role":"assistant","content":"x"}])",
       "\"messages\": expected a user's turn at the end, found role \"assistant\""},
  };
  for (const auto& [messages, problem] : bad) {
    EXPECT_EQ(error_of(line(messages)), std::string("dir/x.jsonl:1: ") + problem);
  }
}

TEST(TaskSet, AKeyOfOneLetterIsMultipleChoice) {
  const auto set = parse_tasks(
      R"({"id":"a","family":"a","prompt":"A or B?","grader":{"type":"choice","answer":"B"}}
{"id":"b","family":"a","prompt":"A or B?","grader":{"type":"exact","answer":"B"}}
{"id":"c","family":"a","prompt":"Last letter of Paris?","grader":{"type":"exact","answer":"s"}})",
      "x.jsonl");
  ASSERT_TRUE(set.ok()) << set.error().message();
  EXPECT_EQ(set->tasks[0].question.kind, AnswerKind::kChoice);
  EXPECT_EQ(set->tasks[1].question.kind, AnswerKind::kChoice);
  EXPECT_EQ(set->tasks[2].question.kind, AnswerKind::kExact);
  EXPECT_EQ(
      error_of(
          R"({"id":"a","family":"a","prompt":"x","grader":{"type":"choice","answer":"Paris"}})"),
      "dir/x.jsonl:1: \"answer\": expected a capital letter from A to J, found \"Paris\"");
}

TEST(TaskSet, ErrorsNameTheLineTheExpectationAndTheFinding) {
  const std::string second = std::string(kNumeric) + "\n";
  EXPECT_EQ(error_of(second + "{"), "dir/x.jsonl:2: expected a JSON object, found malformed JSON");
  EXPECT_EQ(error_of("[1]"), "dir/x.jsonl:1: expected a JSON object, found array");
  EXPECT_EQ(error_of(second + kNumeric),
            "dir/x.jsonl:2: id \"a/1\" was used on line 1; ids must be unique");
  EXPECT_EQ(error_of(""), "dir/x.jsonl: expected a task per line, found none");
  EXPECT_EQ(error_of(R"({"id":"a","family":"a","grader":{}})"),
            "dir/x.jsonl:1: expected \"prompt\", found no such key");
  EXPECT_EQ(error_of(R"({"id":7,"family":"a","prompt":"x","grader":{}})"),
            "dir/x.jsonl:1: \"id\": expected a string, found number");
  EXPECT_EQ(error_of(R"({"id":"a","family":"a","prompt":"x","grader":{"type":"vibes"}})"),
            "dir/x.jsonl:1: grader type: expected numeric, exact, choice, python, rust, cpp, "
            "squad, rouge, bleu or chrf, found "
            "\"vibes\"");
  EXPECT_EQ(
      error_of(
          R"({"id":"a","family":"a","prompt":"x","grader":{"type":"numeric","answer":"two"}})"),
      "dir/x.jsonl:1: \"answer\": expected a number, found \"two\"");
  EXPECT_EQ(
      error_of(
          R"({"id":"a","family":"a","prompt":"x","grader":{"type":"exact","answer":"b","test":"c"}})"),
      "dir/x.jsonl:1: unknown key \"test\"; expected type, answer");
  EXPECT_NE(error_of(R"({"hello":1})").find("expected the keys of"), std::string::npos);
}

TEST(TaskSet, ReadsGzipAndRefusesACutStream) {
  const auto directory =
      std::filesystem::temp_directory_path() / ("whet_task_set_test_" + std::to_string(::getpid()));
  std::filesystem::create_directories(directory);
  const std::string path = directory / "a.jsonl.gz";
  gzFile file = gzopen(path.c_str(), "wb");
  gzputs(file, kNumeric);
  gzclose(file);
  const auto set = load_task_file(path);
  ASSERT_TRUE(set.ok()) << set.error().message();
  EXPECT_EQ(set->name, "a");

  std::ofstream(directory / "b.jsonl") << kPython << "\n";
  const auto all = load_task_dir(directory);
  ASSERT_TRUE(all.ok()) << all.error().message();
  EXPECT_EQ(all->tasks.size(), 2u);

  std::filesystem::resize_file(path, std::filesystem::file_size(path) / 2);
  EXPECT_NE(load_task_file(path).error().message().find("damaged or cut"), std::string::npos);
  std::filesystem::remove_all(directory);
  EXPECT_EQ(load_task_dir(directory).error().code(), ErrorCode::kNotFound);
}

TaskSet three_families() {
  TaskSet set;
  for (const auto& [family, n] : {std::pair{"big", 80}, {"mid", 15}, {"rare", 5}}) {
    for (int i = 0; i < n; ++i) {
      Task task;
      task.id = family + std::to_string(i);
      task.family = family;
      set.tasks.push_back(std::move(task));
    }
  }
  return set;
}

std::map<std::string, int> family_sizes(const TaskSet& set) {
  std::map<std::string, int> sizes;
  for (const Task& task : set.tasks) ++sizes[task.family];
  return sizes;
}

TEST(TaskSet, SubsamplesByFamilyDeterministically) {
  const TaskSet set = three_families();
  EXPECT_EQ(family_sizes(subsample(set, 20, 1)),
            (std::map<std::string, int>{{"big", 16}, {"mid", 3}, {"rare", 1}}));
  EXPECT_EQ(family_sizes(subsample(set, 3, 1)),
            (std::map<std::string, int>{{"big", 1}, {"mid", 1}, {"rare", 1}}));
  EXPECT_EQ(task_digest(subsample(set, 20, 1).tasks), task_digest(subsample(set, 20, 1).tasks));
  EXPECT_NE(task_digest(subsample(set, 20, 1).tasks), task_digest(subsample(set, 20, 2).tasks));
  EXPECT_EQ(subsample(set, -1, 1).tasks.size(), 100u);
  EXPECT_EQ(subsample(set, 1000, 1).tasks.size(), 100u);
  EXPECT_EQ(subsample(set, 0, 1).tasks.size(), 0u);
}

TEST(TaskSet, DigestSeesEveryField) {
  Task task;
  task.id = "a";
  task.family = "b";
  const std::string digest = task_digest({task});
  task.key.tests = "x";
  EXPECT_NE(task_digest({task}), digest);
  task.key.tests = "";
  task.group = "x";
  EXPECT_NE(task_digest({task}), digest);
  task.group = "";
  EXPECT_EQ(task_digest({task}), digest);
  task.question.messages = user_turn("x");
  EXPECT_NE(task_digest({task}), digest);
}

TEST(TaskSet, LoadsTheTasksOfThisRepository) {
  const auto all = load_task_dir(std::string(WHET_SOURCE_DIR) + "/tasks");
  ASSERT_TRUE(all.ok()) << all.error().message();
  EXPECT_GE(all->tasks.size(), 100u);
}

TEST(TaskSet, LoadsThePublicSetsWhereTheyAre) {
  const std::string directory = std::string(WHET_SHARED_DIR) + "/data/tasks";
  if (!std::filesystem::exists(directory)) GTEST_SKIP() << "no " << directory;
  const auto gsm8k = load_task_file(directory + "/gsm8k-test.jsonl");
  ASSERT_TRUE(gsm8k.ok()) << gsm8k.error().message();
  EXPECT_EQ(gsm8k->tasks.size(), 1319u);
  const auto human_eval = load_task_file(directory + "/HumanEval.jsonl.gz");
  ASSERT_TRUE(human_eval.ok()) << human_eval.error().message();
  EXPECT_EQ(human_eval->tasks.size(), 164u);
  int with_examples = 0;
  for (const Task& task : human_eval->tasks) with_examples += !task.question.examples.empty();
  EXPECT_EQ(with_examples, 140);
}

TEST(HumanEval, ReadsExamplesFromTheDocstring) {
  EXPECT_EQ(docstring_examples("def f(x):\n  \"\"\"\n  >>> f([1, 2])\n  [2, 1]\n  f(3) == 4\n"
                               "  f(5) \u279e 6 # because\n  f(7) => \"a b\"\n  \"\"\"\n",
                               "f"),
            "assert f([1, 2]) == [2, 1]\nassert f(3) == 4\nassert f(5) == 6\n"
            "assert f(7) == \"a b\"\n");
  EXPECT_EQ(docstring_examples("f([1, 2]) == 1 + 4 = 5\nf('a)') returns True.\nf((1,)) -> -1.5\n"
                               "f(3) should return {'a': None}\n>>> f(4) == false\n",
                               "f"),
            "assert f([1, 2]) == 5\nassert f('a)') == True\nassert f((1, )) == -1.5\n"
            "assert f(3) == {'a': None}\nassert f(4) == False\n");
  // HumanEval 46, 63, 67, 130: what is no Python, or speaks of a variable, is left out.
  EXPECT_EQ(docstring_examples("f(n) -> f(n-1) + f(n-2).\nf(x) == 3\nf(2) == g(1)\nf(1, \n"
                               "f([1) == 2\nf(3) == 1 and more\n",
                               "f"),
            "");
  EXPECT_EQ(docstring_examples("def f(x):\n  \"\"\" no example \"\"\"\n", "f"), "");
  EXPECT_EQ(docstring_examples("gf(1) == 2\nf(a) is f(1) == 3\n", "f"), "assert f(1) == 3\n")
      << "another function, and a call that says nothing before one that does";
}

// The shapes of HumanEval's odd docstrings: one line that is no example takes none of the others.
TEST(HumanEval, ALineThatCannotBeReadLeavesTheOthers) {
  EXPECT_EQ(docstring_examples("  f(0) -> 0\n  f(2) -> 2\n  f(n) -> f(n-1) + f(n-2) + f(n-3).\n"
                               "  Write f without recursion.\n  >>> f(5)\n  4\n",
                               "f"),
            "assert f(0) == 0\nassert f(2) == 2\nassert f(5) == 4\n")
      << "46";
  EXPECT_EQ(docstring_examples("  f(0) == 0\n  f(n) == f(n-1) + f(n-2).\n  >>> f(8)\n  24\n", "f"),
            "assert f(0) == 0\nassert f(8) == 24\n")
      << "63";
  EXPECT_EQ(docstring_examples("  f(\"5 red and 6 blue\", 19) ->19 - 5 - 6 = 8\n"
                               "  f(\"0 red and 1 blue\",3) -> 3 - 0 - 1 = 2\n",
                               "f"),
            "assert f(\"5 red and 6 blue\", 19) == 8\nassert f(\"0 red and 1 blue\", 3) == 2\n")
      << "67";
  EXPECT_EQ(docstring_examples("  f(1, 4) => true\n  f(3, 2) => false\n", "f"),
            "assert f(1, 4) == True\nassert f(3, 2) == False\n")
      << "76";
  EXPECT_EQ(docstring_examples("  f(a) => False\n  f(abcd) => True\n", "f"), "") << "80";
  EXPECT_EQ(docstring_examples("  >>> f([1, 5]) == [1, 5]\n  >>> f([1, 0]) [0, 1]\n", "f"),
            "assert f([1, 5]) == [1, 5]\n")
      << "116";
  EXPECT_EQ(docstring_examples("  f(1) = 3\n  f(n) = 1 + n / 2, if n is even.\n"
                               "  f(2) = 1 + (2 / 2) = 2\n  f(3) = f(2) + f(1) + f(4)\n"
                               "       = 2 + 3 + 3 = 8 \n  f(3) = [1, 3, 2, 8]\n",
                               "f"),
            "assert f(1) == 3\nassert f(2) == 2\nassert f(3) == [1, 3, 2, 8]\n")
      << "130";
  EXPECT_EQ(docstring_examples("  f(\"a\", \"d\") ==> (\"b\", \"c\")\n", "f"),
            "assert f(\"a\", \"d\") == (\"b\", \"c\")\n")
      << "148";
  EXPECT_EQ(
      docstring_examples("  f([1, 3, 2, 0]) == 1 + 9 + 0 + 0 = 10\n  f([9, -2]) == 81  \n", "f"),
      "assert f([1, 3, 2, 0]) == 10\nassert f([9, -2]) == 81\n")
      << "151";
}

}  // namespace
}  // namespace whet::eval
