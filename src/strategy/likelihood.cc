// likelihood: multiple choice without writing. The choice whose text the model finds likeliest
// behind the question's context is the answer, as lm-eval scores it: norm=none is its acc,
// norm=chars its acc_norm. No chat template: contexts are plain text.
#include <fmt/format.h>

#include <algorithm>

#include "strategy/makers.h"
#include "strategy/session.h"

namespace whet::strategy {
namespace {

enum class Norm { kNone, kChars, kBytes };

/// What a choice's log-probability is divided by; its first space is not of it.
double length_of(std::string_view choice, Norm norm) {
  if (choice.starts_with(' ')) choice.remove_prefix(1);
  const auto n_chars = std::count_if(choice.begin(), choice.end(), [](char c) {
    return (static_cast<unsigned char>(c) & 0xc0) != 0x80;
  });
  switch (norm) {
    case Norm::kNone:
      return 1;
    case Norm::kChars:
      return std::max<double>(static_cast<double>(n_chars), 1);
    case Norm::kBytes:
      return std::max<double>(static_cast<double>(choice.size()), 1);
  }
  return 1;
}

class Likelihood : public Strategy {
 public:
  explicit Likelihood(Norm norm) : norm_(norm) {}

  Kind kind() const override { return Kind::kBaseline; }
  std::string description() const override {
    return fmt::format("The choice with the highest log-probability{}.",
                       norm_ == Norm::kChars   ? " per character"
                       : norm_ == Norm::kBytes ? " per byte"
                                               : "");
  }
  Result<Outcome> solve(const eval::Question& question, Generator& generator,
                        const Context& context) const override {
    if (question.choices.empty()) {
      return Error(ErrorCode::kInvalidArgument,
                   "likelihood: expected a question with \"context\" and \"choices\", found one "
                   "that can only be answered by writing");
    }
    Session session(question, generator, context);
    // White space before a choice belongs to its first token.
    const size_t end = question.context.find_last_not_of(" \t\n\v\f\r") + 1;
    const std::string context_text = question.context.substr(0, end);
    const std::string space = question.context.substr(end);
    std::optional<size_t> best;
    for (size_t i = 0; i < question.choices.size(); ++i) {
      WHET_TRY(const auto logprob,
               session.score(Prompt(context_text), space + question.choices[i]));
      if (!logprob) break;
      Candidate candidate = session.judged(fmt::format("Answer: {}", static_cast<char>('A' + i)));
      candidate.stage = fmt::format("choice {}", question.choices[i]);
      candidate.score = *logprob / length_of(question.choices[i], norm_);
      candidate.mean_logprob = *logprob;
      const size_t index = session.add(std::move(candidate));
      // Of equal ones the first, as numpy's argmax.
      if (!best || *session.candidates()[index].score > *session.candidates()[*best].score) {
        best = index;
      }
    }
    return session.finish(
        [&](std::vector<Candidate>&, const std::vector<size_t>& among) {
          return Selection{best.value_or(among[0]), "highest log-probability of its text"};
        },
        /*greedy_fallback=*/false);
  }

 private:
  Norm norm_;
};

}  // namespace

std::unique_ptr<Strategy> make_likelihood(OptionReader& options) {
  const std::string norm = options.word("norm", "none", {"none", "chars", "bytes"});
  return std::make_unique<Likelihood>(norm == "chars"   ? Norm::kChars
                                      : norm == "bytes" ? Norm::kBytes
                                                        : Norm::kNone);
}

}  // namespace whet::strategy
