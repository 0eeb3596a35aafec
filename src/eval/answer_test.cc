#include "eval/answer.h"

#include <gtest/gtest.h>

namespace whet::eval {
namespace {

struct Row {
  const char* text;
  const char* key;   // "" = no answer
  const char* rule;  // "" = no answer
};

void expect(AnswerKind kind, const Row& row) {
  const auto answer = extract_answer(kind, row.text);
  EXPECT_EQ(answer ? answer->key : "", row.key) << row.text;
  EXPECT_EQ(answer ? answer_rule_name(answer->rule) : "", row.rule) << row.text;
}

TEST(Answer, FindsNumericAnswersByTheNamedRule) {
  const Row rows[] = {
      {"3 + 4 = 7\nAnswer: 7", "7", "answer_line"},
      {"**Answer:** 7", "7", "answer_line"},
      {"**Answer: 7**", "7", "answer_line"},
      {"Final answer: $1,200.", "1200", "answer_line"},
      {"The answer is 7.", "7", "answer_line"},
      {"the answer is: 7", "7", "answer_line"},
      {"Answer:\n\n7", "7", "answer_line"},
      {"Answer: 3 * 4 = 12", "12", "answer_line"},
      {"Answer: 18 dollars", "18", "answer_line"},
      {"Answer: 18 dollars for 2 weeks", "18", "answer_line"},
      {"Answer: x = -5", "-5", "answer_line"},
      {"Answer: $\\boxed{7}$", "7", "boxed"},
      {"so \\boxed{\\frac{1}{2}}", "1/2", "boxed"},
      {"work\n#### 42", "42", "hashes"},
      {"Answer: 5\nNo, wait.\nAnswer: 6", "6", "answer_line"},
      {"#### 5\nAnswer: 6\nThat took 3 steps.", "6", "answer_line"},
      {"Answer: unknown\nI count 9", "9", "last_number"},
      {"It is 3 plus 4, so 7", "7", "last_number"},
      {"Answer: 3 + 4", "", ""},
      {"I do not know.", "", ""},
      {"", "", ""},
      {"  \n ", "", ""},
      {"Answer:", "", ""},
  };
  for (const Row& row : rows) expect(AnswerKind::kNumeric, row);
}

// Several numbers in digits and separators alone: a list, a date, a version. None is "the" number.
TEST(Answer, SurvivesNumbersThatAreJoined) {
  for (const char* value :
       {"3,5", "12,34", "1,5", "1/2/3", "2024/01/05", "3.5.1", "192.168.1.1", "1,2,3", "10.5,2",
        "1,1", "37,2", "1.2.3", "3/4/2025", "12,34,567", "2,5,", "1,2."}) {
    for (const char* mark : {"Answer: ", "#### ", "the answer is ", "\\boxed{"}) {
      const std::string text = std::string(mark) + value + (mark[0] == '\\' ? "}" : "");
      for (AnswerKind kind : {AnswerKind::kNumeric, AnswerKind::kExact}) {
        const auto answer = extract_answer(kind, text);
        if (answer) {
          EXPECT_FALSE(answer->key.empty()) << text;
        }
      }
    }
  }
}

TEST(Answer, FindsExactAnswersByTheNamedRule) {
  const Row rows[] = {
      {"Answer: Paris", "paris", "answer_line"},
      {"Answer: \"Paris\".", "paris", "answer_line"},
      {"Answer: 3:45 PM", "3:45 pm", "answer_line"},
      {"Kept: 1 2\nAnswer: 3 5 7", "3 5 7", "answer_line"},
      {"Answer: [3, 5, 7]", "3 5 7", "answer_line"},
      {"Answer: none", "none", "answer_line"},
      {"olleh", "olleh", "last_line"},
      {"a b\nolleh\n", "olleh", "last_line"},
      {"The last line of this text is prose that runs on and on well past any answer", "", ""},
  };
  for (const Row& row : rows) expect(AnswerKind::kExact, row);
}

// optillm-rs took the text after the last "." as the answer, which is empty for "... 42."
TEST(Answer, IsNeverTheTextAfterTheLastPeriodAndNeverEmpty) {
  for (const char* text : {"We add them and get 42.", "Done. Answer: 42.", "42."}) {
    for (AnswerKind kind : {AnswerKind::kNumeric, AnswerKind::kExact}) {
      const auto answer = extract_answer(kind, text);
      ASSERT_TRUE(answer) << text;
      EXPECT_FALSE(answer->key.empty()) << text;
      if (kind == AnswerKind::kNumeric) {
        EXPECT_EQ(answer->key, "42") << text;
      }
    }
  }
  EXPECT_FALSE(extract_answer(AnswerKind::kExact, "Answer: ."));
  EXPECT_FALSE(extract_answer(AnswerKind::kExact, "Answer: \"\""));
}

// optillm's rating parser read "8/10" with float() and kept 0.
TEST(Answer, ReadsAFractionAsItsValue) {
  EXPECT_EQ(extract_answer(AnswerKind::kNumeric, "Answer: 8/10").value().key, "4/5");
  EXPECT_EQ(extract_answer(AnswerKind::kNumeric, "I rate it 8/10").value().key, "4/5");
}

TEST(Answer, MatchesByValueNotBySpelling) {
  const auto matches = [](AnswerKind kind, const char* text, const char* expected) {
    return answers_match(kind, extract_answer(kind, text).value(), expected);
  };
  EXPECT_TRUE(matches(AnswerKind::kNumeric, "Answer: 0.5", "1/2"));
  EXPECT_TRUE(matches(AnswerKind::kNumeric, "Answer: 1,000", "1000"));
  EXPECT_FALSE(matches(AnswerKind::kNumeric, "Answer: 0.333", "1/3"));
  EXPECT_FALSE(matches(AnswerKind::kNumeric, "Answer: 1000.001", "1000"));
  EXPECT_TRUE(matches(AnswerKind::kExact, "Answer: Tuesday", "tuesday"));
  EXPECT_TRUE(matches(AnswerKind::kExact, "Answer: 3,5,7", "3 5 7"));
  EXPECT_FALSE(matches(AnswerKind::kExact, "Answer: 3 7 5", "3 5 7"));
}

TEST(Answer, ExistsOnlyForTextKinds) {
  EXPECT_FALSE(extract_answer(AnswerKind::kPython, "Answer: 4"));
  EXPECT_FALSE(extract_answer(AnswerKind::kFree, "Answer: 4"));
}

}  // namespace
}  // namespace whet::eval
