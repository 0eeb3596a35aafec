// rto, round-trip optimisation: an answer, the question that it seems to answer, an answer to that
// question. If both answers are alike the first stands; if not, a third is written with both in
// view. Source: optillm's rto, which is for code only; here any question, code compared by what it
// does on the public examples.
#include <fmt/format.h>

#include "strategy/examples.h"
#include "strategy/makers.h"
#include "strategy/quotation.h"
#include "strategy/session.h"

namespace whet::strategy {
namespace {

class RoundTrip : public Strategy {
 public:
  std::string description() const override {
    return "An answer, the question read off it, an answer to that; a third if the two differ.";
  }
  Result<Outcome> solve(const eval::Question& question, Generator& generator,
                        const Context& context) const override {
    Session session(question, generator, context);
    const size_t limit = quote_limit(generator, 3);
    WHET_TRY(const auto first, session.answer("sample", std::string(question.text()), 0.1));
    if (!first) return session.finish_preferring(std::nullopt, "");
    const std::string text = quoted(session.candidates()[*first].text, limit);
    if (text.empty()) return session.finish_preferring(std::nullopt, "");
    const bool is_code = eval::is_code(question.kind);
    WHET_TRY(const std::string described,
             session.step("description",
                          is_code ? fmt::format("{}\n\nDescribe what this code does as an "
                                                "instruction for somebody who shall write it. Name "
                                                "the function and its parameters. No code.",
                                                text)
                                  : fmt::format("Here is an answer:\n{}\n\nWrite the complete "
                                                "question that it answers, with every fact that it "
                                                "uses. Do not answer it.",
                                                text),
                          0.1));
    std::optional<size_t> second;
    if (!described.empty()) {
      WHET_TRY(second, session.answer("round trip", quoted(described, limit), 0.1));
    }
    if (second && agree(session, *first, *second)) {
      return session.finish_preferring(first, "the round trip came to the same answer");
    }
    const std::string other = second ? quoted(session.candidates()[*second].text, limit) : "";
    if (other.empty()) return session.finish_preferring(first, "no second answer came");
    WHET_TRY(const auto third,
             session.answer("merge",
                            fmt::format("{}\n\nTwo earlier answers differ.\n\nFirst:\n{}\n\n"
                                        "Second:\n{}\n\nDecide which is right, and give the "
                                        "complete right answer.",
                                        question.text(), text, other),
                            0.1));
    // What was read off an answer may have drifted from the question: it has no vote of its own.
    Candidate& trip = session.candidates()[*second];
    trip.eligible = false;
    trip.reason = "answers the question read off the first answer";
    if (is_code) return session.finish_preferring(std::nullopt, "");  // the examples decide
    const bool has_third = third && session.candidates()[*third].eligible;
    return session.finish_preferring(
        has_third ? third : first,
        has_third ? "merged from two answers that differ" : "no merged answer came");
  }

 private:
  bool agree(Session& session, size_t first, size_t second) const {
    std::vector<Candidate>& candidates = session.candidates();
    if (!candidates[first].eligible || !candidates[second].eligible) return false;
    std::vector<size_t> both = {first, second};
    if (eval::is_code(session.question().kind)) {
      score_by_examples(session.question(), session.context(), candidates, both);
    }
    return both.size() == 2 && candidates[first].key == candidates[second].key;
  }
};

}  // namespace

std::unique_ptr<Strategy> make_rto(OptionReader&) {
  return std::make_unique<RoundTrip>();
}

}  // namespace whet::strategy
