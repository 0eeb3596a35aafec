#include "eval/code.h"

#include <gtest/gtest.h>

namespace whet::eval {
namespace {

Question python(std::string prefix = "") {
  Question question;
  question.kind = AnswerKind::kPython;
  question.entry_point = "f";
  question.code_prefix = std::move(prefix);
  return question;
}

std::string source(const Question& question, std::string_view text) {
  const auto code = extract_code(question, text);
  return code ? code->source : "none";
}

TEST(Code, TakesTheFencedBlockThatDefinesTheFunction) {
  EXPECT_EQ(source(python(), "Here:\n```python\ndef f(x):\n    return x\n```\nDone."),
            "def f(x):\n    return x\n");
  EXPECT_EQ(source(python(),
                   "```python\ndef f(x):\n    return 1\n```\nThen call it:\n```python\n"
                   "print(f(2))\n```"),
            "def f(x):\n    return 1\n");
  EXPECT_EQ(source(python(),
                   "```python\ndef f(x):\n    return 1\n```\nBetter:\n```python\n"
                   "def f(x):\n    return 2\n```"),
            "def f(x):\n    return 2\n");
  EXPECT_EQ(source(python(), "```\ndef f(x):\n    return 1\n```"), "def f(x):\n    return 1\n");
  EXPECT_EQ(source(python(), "```bash\npip install x\n```\n```py\ndef g(x): pass\n```"),
            "def g(x): pass\n");
}

TEST(Code, AcceptsAFenceThatIsNeverClosed) {
  EXPECT_EQ(source(python(), "```python\ndef f(x):\n    return x\n"), "def f(x):\n    return x\n");
}

TEST(Code, TakesRawSourceAndLeavesTheProse) {
  EXPECT_EQ(source(python(), "def f(x):\n    return x\n\nThis returns x.\n"),
            "def f(x):\n    return x\n\n");
  EXPECT_EQ(source(python(), "Sure!\nimport math\ndef f(x):\n    return x"),
            "import math\ndef f(x):\n    return x\n");
  Question rust = python();
  rust.kind = AnswerKind::kRust;
  EXPECT_EQ(source(rust, "fn f(x: i64) -> i64 {\n    x\n}"), "fn f(x: i64) -> i64 {\n    x\n}\n");
  Question cpp = python();
  cpp.kind = AnswerKind::kCpp;
  EXPECT_EQ(source(cpp, "int f(int x) {\n  return x;\n}"), "int f(int x) {\n  return x;\n}\n");
}

TEST(Code, IsNothingWhereThereIsNoProgram) {
  for (const char* text : {"", " \n", "I cannot write that.", "```python\n```", "def g(x):\n  pass",
                           "```bash\nls\n```"}) {
    EXPECT_EQ(source(python(), text), "none") << text;
  }
}

TEST(Code, ContinuesAHeader) {
  const Question question = python("import math\n\ndef f(x):\n    \"\"\" Doubles. \"\"\"\n");
  const std::string header = question.code_prefix;
  const auto continued = extract_code(question, "    y = x\n    return 2 * y\n\nprint(f(2))");
  ASSERT_TRUE(continued);
  EXPECT_EQ(continued->source, header + "    y = x\n    return 2 * y\n\nprint(f(2))\n");
  EXPECT_EQ(continued->rule, CodeRule::kContinuation);
  // Only the first line lost its indentation ...
  EXPECT_EQ(source(question, "y = x\n    return 2 * y"), header + "    y = x\n    return 2 * y\n");
  EXPECT_EQ(source(question, "for i in x:\n        y += i\n    return y"),
            header + "    for i in x:\n        y += i\n    return y\n");
  // ... or every line did.
  EXPECT_EQ(source(question, "for i in x:\n    y += i\nreturn y"),
            header + "    for i in x:\n        y += i\n    return y\n");
  EXPECT_EQ(source(question, "return 2 * x"), header + "    return 2 * x\n");
}

TEST(Code, AFullDefinitionKeepsTheImportsOfTheHeader) {
  const Question question = python("import math\n\ndef f(x):\n    \"\"\" Doubles. \"\"\"\n");
  EXPECT_EQ(source(question, "```python\ndef f(x):\n    return math.floor(x)\n```"),
            question.code_prefix + "\n    pass\n\ndef f(x):\n    return math.floor(x)\n");
}

TEST(Code, KeyIgnoresCommentsAndBlankLines) {
  EXPECT_EQ(code_key(AnswerKind::kPython, "def f():\n\n    # why\n    return 1  \n"),
            code_key(AnswerKind::kPython, "def f():\n    return 1\n"));
  EXPECT_NE(code_key(AnswerKind::kPython, "def f():\n    return 1\n"),
            code_key(AnswerKind::kPython, "def f():\n    return 2\n"));
}

}  // namespace
}  // namespace whet::eval
