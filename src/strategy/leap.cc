// leap, learning principles from mistakes: worked examples that the question shows are answered
// without looking; from the answers that come out wrong the model learns principles, and answers
// the question with them. Source: Zhang et al., "In-context principle learning from mistakes"
// (2024). A question without examples has nothing to learn from and is answered plainly.
#include <fmt/format.h>

#include "eval/answer.h"
#include "strategy/makers.h"
#include "strategy/quotation.h"
#include "strategy/session.h"

namespace whet::strategy {
namespace {

struct Example {
  std::string question;
  std::string answer;
};

/// "Q: ... / A: ..." pairs of lines; a question or an answer may run over several.
std::vector<Example> examples_in(std::string_view text, size_t most) {
  std::vector<Example> examples;
  enum class In { kNothing, kQuestion, kAnswer } in = In::kNothing;
  for (size_t at = 0; at < text.size();) {
    const size_t end = std::min(text.find('\n', at), text.size());
    auto line = eval::trimmed(text.substr(at, end - at));
    at = end + 1;
    const auto starts = [&](std::string_view head) {
      if (!line.starts_with(head)) return false;
      line = eval::trimmed(line.substr(head.size()));
      return true;
    };
    if (starts("Q:") || starts("Question:") || starts("Input:")) {
      examples.push_back({std::string(line), ""});
      in = In::kQuestion;
    } else if (in != In::kNothing && (starts("A:") || starts("Answer:") || starts("Output:"))) {
      examples.back().answer = line;
      in = In::kAnswer;
    } else if (line.empty()) {
      if (in == In::kAnswer) in = In::kNothing;
    } else if (in != In::kNothing) {
      std::string& field = in == In::kQuestion ? examples.back().question : examples.back().answer;
      field += (field.empty() ? "" : "\n") + std::string(line);
    }
  }
  // The question itself is often the last "Q:", without an answer.
  std::erase_if(examples, [](const Example& e) { return e.question.empty() || e.answer.empty(); });
  if (examples.size() > most) examples.resize(most);
  return examples;
}

class Leap : public Strategy {
 public:
  explicit Leap(int64_t examples) : n_examples_(static_cast<size_t>(examples)) {}

  std::string description() const override {
    return fmt::format(
        "Principles learnt from mistakes on up to {} examples that the question shows, then an "
        "answer.",
        n_examples_);
  }
  Result<Outcome> solve(const eval::Question& question, Generator& generator,
                        const Context& context) const override {
    Session session(question, generator, context);
    const std::vector<Example> examples = examples_in(question.text(), n_examples_);
    std::string lessons;
    for (const Example& example : examples) {
      WHET_TRY(const std::string attempt,
               session.step("attempt", example.question + "\n\nThink step by step.", 0.7));
      const auto said = eval::normalise_text(attempt);
      const auto wanted = eval::normalise_text(example.answer);
      if (attempt.empty() || said == wanted || said.ends_with(" " + wanted))
        continue;  // no mistake
      const size_t limit = quote_limit(generator, examples.size() + 1);
      WHET_TRY(const std::string lesson,
               session.step("lesson",
                            fmt::format("Question:\n{}\n\nA wrong answer:\n{}\n\nThe right "
                                        "answer:\n{}\n\nIn one or two sentences: what was the "
                                        "mistake, and how is it avoided in general?",
                                        quoted(example.question, limit), quoted(attempt, limit),
                                        quoted(example.answer, limit)),
                            0.3));
      if (!lesson.empty()) lessons += "- " + quoted(lesson, limit) + "\n";
    }
    if (lessons.empty()) {
      WHET_TRY_STATUS(session.sample(session.draws(1, context.sampling.temperature)));
      return session.finish_preferring(0, examples.empty()
                                              ? "no examples in the question: the only candidate"
                                              : "no mistakes on the examples: the only candidate");
    }
    WHET_TRY(const std::string merged,
             session.step("principles",
                          fmt::format("Observations:\n{}\nMerge them into at most 8 short general "
                                      "principles, one a line.",
                                      lessons),
                          0.3));
    std::string principles;
    for (const std::string& item : list_items(merged.empty() ? lessons : merged, 8)) {
      principles += "- " + item + "\n";
    }
    WHET_TRY(const auto last, session.answer("sample",
                                             fmt::format("Keep to these principles:\n{}\n{}",
                                                         principles, question.text()),
                                             context.sampling.temperature));
    return session.finish_preferring(last, "answered with the principles learnt");
  }

 private:
  size_t n_examples_;
};

}  // namespace

std::unique_ptr<Strategy> make_leap(OptionReader& options) {
  return std::make_unique<Leap>(options.integer("examples", 3, 1, 16));
}

}  // namespace whet::strategy
