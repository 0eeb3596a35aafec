// mars, multi-agent reasoning: agents at different temperatures solve the question; an aggregated
// solution joins them; each solution must pass a verifier that looks for mistakes, and is improved
// by what it found until it passes or its tries are used up; then the verified ones vote. Source:
// optillm's MARS (2025), its lightweight preset; the exchange of strategies is left out.
#include <fmt/format.h>

#include <algorithm>
#include <cctype>

#include "strategy/makers.h"
#include "strategy/quotation.h"
#include "strategy/selection.h"
#include "strategy/session.h"

namespace whet::strategy {
namespace {

/// Whether a verifier's reply ends in favour: its last "VERDICT:" says right.
std::optional<bool> read_verdict(std::string_view text) {
  std::string low(text);
  for (char& c : low) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  const size_t mark = low.rfind("verdict:");
  if (mark == std::string::npos) return std::nullopt;
  const auto rest = std::string_view(low).substr(mark);
  const size_t right = rest.find("right"), wrong = rest.find("wrong");
  if (right == wrong) return std::nullopt;  // neither
  return right < wrong;
}

class Mars : public Strategy {
 public:
  Mars(int64_t agents, int64_t tries) : n_agents_(agents), tries_(tries) {}

  std::string description() const override {
    return fmt::format(
        "{} agents and a solution aggregated from theirs, each verified and improved up to {} "
        "times; a vote among the verified.",
        n_agents_, tries_);
  }
  Result<Outcome> solve(const eval::Question& question, Generator& generator,
                        const Context& context) const override {
    Session session(question, generator, context);
    std::vector<double> temperatures;
    for (int64_t i = 0; i < n_agents_; ++i) {
      constexpr double kLadder[] = {0.3, 0.6, 1.0};
      temperatures.push_back(kLadder[static_cast<size_t>(i) % std::size(kLadder)]);
    }
    WHET_TRY(std::vector<size_t> solutions,
             session.ask({.samples = session.draws(temperatures), .stage = "agent"}));
    std::erase_if(solutions, [&](size_t i) { return !session.candidates()[i].eligible; });
    if (solutions.size() > 1) {
      WHET_TRY(const auto joint,
               session.answer("aggregation",
                              fmt::format("{}\n\nSolutions of {} agents:\n\n{}\n\nCombine what is "
                                          "right in them into one better solution. Answer in the "
                                          "form that the question asks for.",
                                          question.text(), solutions.size(),
                                          listed(session.candidates(), solutions, "Solution",
                                                 quote_limit(generator, solutions.size()))),
                              0.6));
      if (joint && session.candidates()[*joint].eligible) solutions.push_back(*joint);
    }
    std::vector<size_t> verified;
    for (size_t& solution : solutions) {
      WHET_TRY(const bool passed, settle(session, solution));
      if (passed) verified.push_back(solution);
    }
    return session.finish([&](std::vector<Candidate>& candidates, const std::vector<size_t>& all) {
      const bool any = !verified.empty();
      Selection selection = select_as_usual(question, context, candidates, any ? verified : all);
      selection.how += any ? fmt::format("; {} of {} verified", verified.size(), solutions.size())
                           : std::string("; none passed the verifier");
      return selection;
    });
  }

 private:
  /// Verifies and improves `solution`, which becomes the improved one; whether it passed.
  Result<bool> settle(Session& session, size_t& solution) const {
    const size_t limit = quote_limit(session.generator(), 2);
    const std::string question(session.question().text());
    for (int64_t attempt = 0; attempt <= tries_ && !session.stopped(); ++attempt) {
      const std::string text = quoted(session.candidates()[solution].text, limit);
      WHET_TRY(const std::string review,
               session.step("verifier",
                            fmt::format("Question:\n{}\n\nSolution:\n{}\n\nCheck every step of "
                                        "this solution. End with a line \"VERDICT: RIGHT\" or "
                                        "\"VERDICT: WRONG\".",
                                        question, text),
                            0.3));
      if (read_verdict(review).value_or(false)) return true;
      if (attempt == tries_ || review.empty()) break;
      WHET_TRY(const auto better,
               session.answer("improvement",
                              fmt::format("{}\n\nAn earlier solution:\n{}\n\nA checker said:\n{}"
                                          "\n\nGive a corrected, complete solution in the form "
                                          "that the question asks for.",
                                          question, text, quoted(review, limit)),
                              0.6));
      if (better && session.candidates()[*better].eligible) solution = *better;
    }
    return false;
  }

  int64_t n_agents_, tries_;
};

}  // namespace

std::unique_ptr<Strategy> make_mars(OptionReader& options) {
  const int64_t agents = options.integer("agents", 3, 1, 16);
  return std::make_unique<Mars>(agents, options.integer("tries", 1, 0, 8));
}

}  // namespace whet::strategy
