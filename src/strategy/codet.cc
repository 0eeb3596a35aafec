// codet: candidate programs and tests that the model writes itself. Programs that pass the same
// tests agree; an agreement counts by its programs times the tests that they pass. Public examples
// come first. Source: Chen et al., "CodeT: code generation with generated tests" (2022).
#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>

#include "eval/answer.h"
#include "eval/code.h"
#include "eval/execution.h"
#include "strategy/examples.h"
#include "strategy/makers.h"
#include "strategy/selection.h"
#include "strategy/session.h"

namespace whet::strategy {
namespace {

/// Lines of `text` that are one assertion on the entry point each, without repetitions.
std::vector<std::string> assertions_in(const eval::Question& question, std::string_view text,
                                       size_t most) {
  const bool is_rust = question.kind == eval::AnswerKind::kRust;
  std::vector<std::string> lines;
  std::set<std::string> seen;
  for (size_t at = 0; at < text.size() && lines.size() < most;) {
    const size_t end = std::min(text.find('\n', at), text.size());
    const std::string line(eval::trimmed(text.substr(at, end - at)));
    at = end + 1;
    const bool is_assertion = question.kind == eval::AnswerKind::kPython
                                  ? line.starts_with("assert ") && line.find("==") < line.size()
                              : is_rust ? line.starts_with("assert") && line.ends_with(");")
                                        : line.starts_with("assert(") && line.ends_with(");");
    const bool is_of_it = line.find(question.entry_point + "(") != std::string::npos;
    if (is_assertion && is_of_it && seen.insert(line).second) lines.push_back(line);
  }
  return lines;
}

class CodeT : public Strategy {
 public:
  CodeT(int64_t n, int64_t tests, std::optional<double> temperature)
      : n_(static_cast<size_t>(n)),
        n_tests_(static_cast<size_t>(tests)),
        temperature_(temperature) {}

  std::string description() const override {
    return fmt::format(
        "{} programs and up to {} tests that the model writes; the programs that agree on most "
        "tests.",
        n_, n_tests_);
  }
  Result<Outcome> solve(const eval::Question& question, Generator& generator,
                        const Context& context) const override {
    Session session(question, generator, context);
    const double temperature = temperature_.value_or(context.sampling.temperature);
    WHET_TRY_STATUS(session.sample(session.draws(n_, temperature)));
    std::string why;
    if (!eval::is_code(question.kind)) why = "not a code question: no tests";
    if (why.empty() && !context.sandbox) why = "code execution is off: no tests";
    if (!why.empty()) {
      WHET_TRY(Outcome outcome, session.finish_preferring(std::nullopt, ""));
      outcome.how += fmt::format(" ({})", why);
      return outcome;
    }
    std::vector<size_t> among = session.eligible();
    keep_best_by_examples(question, context, session.candidates(), among);
    WHET_TRY(const std::string reply,
             session.step(
                 "tests",
                 fmt::format("{}\n\nDo not write the function. Write {} different tests "
                             "for it, each one line that calls {} and compares the result "
                             "with ==, such as:\n{}",
                             question.text(), n_tests_, question.entry_point, example_of(question)),
                 0.8));
    const auto tests = assertions_in(question, reply, n_tests_);
    std::vector<double> weights(session.candidates().size(), 0);
    if (!tests.empty() && among.size() > 1) {
      WHET_TRY_STATUS(weigh(session, tests, among, weights));
    }
    return session.finish([&](std::vector<Candidate>& candidates, const std::vector<size_t>&) {
      for (size_t i : among) candidates[i].score = weights[i];
      Selection selection = select_by_score(candidates, among, "agreement on generated tests");
      selection.how += fmt::format(" ({} tests)", tests.size());
      return selection;
    });
  }

 private:
  static std::string example_of(const eval::Question& question) {
    const auto& known = question.examples;
    if (!known.empty()) return known.substr(0, known.find('\n'));
    return fmt::format("assert{}{}(1) == 2{}",
                       question.kind == eval::AnswerKind::kPython ? " " : "(", question.entry_point,
                       question.kind == eval::AnswerKind::kPython ? "" : ");");
  }

  /// Sets the weight of each program: how many pass the same tests, times how many tests these are.
  Status weigh(Session& session, const std::vector<std::string>& tests,
               const std::vector<size_t>& among, std::vector<double>& weights) const {
    eval::Question tested = session.question();
    tested.examples.clear();
    for (const std::string& test : tests) tested.examples += test + "\n";
    std::map<std::string, std::vector<size_t>> groups;  // by the tests passed, "101"
    std::map<std::string, std::string> passed_by;       // of programs already run
    for (size_t i : among) {
      if (session.stopped()) return ok_status();
      const auto code = eval::extract_code(tested, session.candidates()[i].text);
      const std::string key = eval::code_key(tested.kind, code->source);
      auto known = passed_by.find(key);
      if (known == passed_by.end()) {
        const auto run = eval::run_examples(*session.context().sandbox, tested, code->source);
        if (!run.ok()) return run.error();
        std::string passed;
        for (const auto& outcome : run->outcomes) passed += outcome.held ? '1' : '0';
        known = passed_by.emplace(key, std::move(passed)).first;
      }
      groups[known->second].push_back(i);
    }
    for (const auto& [passed, members] : groups) {
      const auto n_passed = std::count(passed.begin(), passed.end(), '1');
      for (size_t i : members) {
        weights[i] = static_cast<double>(members.size()) * static_cast<double>(n_passed);
      }
    }
    return ok_status();
  }

  size_t n_, n_tests_;
  std::optional<double> temperature_;
};

}  // namespace

std::unique_ptr<Strategy> make_codet(OptionReader& options) {
  const int64_t n = options.integer("n", 5, 1, 64);
  const int64_t tests = options.integer("tests", 8, 1, 64);
  return std::make_unique<CodeT>(n, tests, options.temperature("temperature", 0.8));
}

}  // namespace whet::strategy
