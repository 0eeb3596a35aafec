// rstar: a tree of reasoning steps, searched with five actions: one step further, finish, a
// sub-question with its answer, that sub-question again, the question rephrased. A finished path is
// worth the share of finished paths that agree with it. Then a second reading: the first part of a
// path is given as a hint, and only a path whose answer is found again from it is consistent; the
// consistent one with the highest value is returned. Source: Qi et al., "Mutual reasoning makes
// smaller LLMs stronger problem-solvers" (2024), with one model as both readers and any kind of
// answer instead of whole numbers.
#include <fmt/format.h>

#include <algorithm>

#include "eval/answer.h"
#include "strategy/makers.h"
#include "strategy/quotation.h"
#include "strategy/search_tree.h"
#include "strategy/selection.h"
#include "strategy/session.h"

namespace whet::strategy {
namespace {

enum class Action { kStep, kFinish, kSubQuestion, kAgain, kRephrase };

struct State {
  std::string work;       // what has been reasoned so far
  std::string rephrased;  // of the question; empty: as it was asked
  Action made_by = Action::kStep;
  bool made = true;  // false: the action is yet to be taken
};

class RStar : public Strategy {
 public:
  RStar(int64_t rollouts, int64_t depth, double exploration, double temperature)
      : n_rollouts_(rollouts),
        depth_(static_cast<size_t>(depth)),
        exploration_(exploration),
        temperature_(temperature) {}

  std::string description() const override {
    return fmt::format(
        "{} walks through a tree of reasoning steps, {} deep; the answer that is found again from "
        "the first part of its path.",
        n_rollouts_, depth_);
  }
  Result<Outcome> solve(const eval::Question& question, Generator& generator,
                        const Context& context) const override {
    Session session(question, generator, context);
    SearchTree tree;
    std::vector<State> states(1);
    struct Path {
      size_t answer;  // candidate
      std::string work;
    };
    std::vector<Path> paths;
    for (int64_t i = 0; i < n_rollouts_; ++i) {
      if (i > 0 && session.stopped()) break;
      size_t at = tree.select(exploration_);
      const State from = states[at];
      const bool can_go_on = from.made && from.made_by != Action::kFinish;
      if (can_go_on && tree.node(at).depth + 1 < depth_) {
        for (const Action action : actions_after(from, at == 0)) {
          tree.add(at);
          states.push_back({from.work, from.rephrased, action, false});
        }
        at = tree.node(at).children.front();
      }
      if (!states[at].made) {
        WHET_TRY_STATUS(take(session, states[at]));
        states[at].made = true;
      }
      WHET_TRY(const auto answer,
               session.answer("finish", asking(question, states[at], "Finish the solution."),
                              temperature_));
      if (!answer) break;
      if (session.candidates()[*answer].eligible) paths.push_back({*answer, states[at].work});
      size_t n_alike = 0;
      for (const Path& path : paths) {
        n_alike += session.candidates()[path.answer].key == session.candidates()[*answer].key;
      }
      const bool counts = session.candidates()[*answer].eligible;
      const double value =
          counts ? static_cast<double>(n_alike) / static_cast<double>(paths.size()) : 0;
      session.candidates()[*answer].score = value;
      tree.back_up(at, value);
    }
    std::vector<size_t> consistent;
    for (const Path& path : paths) {
      WHET_TRY(const bool found, is_found_again(session, path.answer));
      if (found) consistent.push_back(path.answer);
    }
    return session.finish([&](std::vector<Candidate>& candidates, const std::vector<size_t>&) {
      std::vector<size_t> among;
      for (const Path& path : paths) among.push_back(path.answer);
      const bool any = !consistent.empty();
      if (any) among = consistent;
      Selection selection = select_as_usual(question, context, candidates, among);
      selection.how +=
          any ? fmt::format("; {} of {} paths found again", consistent.size(), paths.size())
              : std::string("; no path was found again");
      return selection;
    });
  }

 private:
  static std::vector<Action> actions_after(const State& state, bool at_root) {
    std::vector<Action> actions = {Action::kStep, Action::kFinish, Action::kSubQuestion};
    if (state.made_by == Action::kSubQuestion) actions.push_back(Action::kAgain);
    if (at_root) actions.push_back(Action::kRephrase);
    return actions;
  }

  static std::string asking(const eval::Question& question, const State& state,
                            std::string_view what) {
    std::string text = state.rephrased.empty() ? std::string(question.text())
                                               : fmt::format("{}\n\nIn other words: {}",
                                                             question.text(), state.rephrased);
    if (!state.work.empty()) text += "\n\nThe work so far:\n" + state.work;
    return fmt::format("{}\n\n{}", text, what);
  }

  Status take(Session& session, State& state) const {
    constexpr int64_t kMaxStepTokens = 128;
    const auto write = [&](const std::string& stage, std::string_view what) -> Result<std::string> {
      return session.step(stage, asking(session.question(), state, what), temperature_,
                          kMaxStepTokens);
    };
    const size_t limit = quote_limit(session.generator(), 4);
    const auto extend = [&](const Result<std::string>& text) -> Status {
      if (!text.ok()) return text.error();
      if (!text->empty()) {
        state.work += (state.work.empty() ? "" : "\n") + quoted(*text, limit);
      }
      return ok_status();
    };
    switch (state.made_by) {
      case Action::kFinish:
        return ok_status();
      case Action::kStep:
        return extend(write("step", "Write only the next step, in one or two sentences."));
      case Action::kSubQuestion:
        return extend(write("sub-question",
                            "Ask one simpler question that helps to solve this, and answer it."));
      case Action::kAgain:
        state.work.erase(std::min(state.work.rfind('\n'), state.work.size()));
        return extend(write("sub-question again",
                            "Ask one simpler question that helps to solve this, and answer it "
                            "step by step."));
      case Action::kRephrase: {
        const auto text = write("rephrasing",
                                "State this question in other words, as a list of "
                                "what is known and what is asked. Do not solve it.");
        if (!text.ok()) return text.error();
        state.rephrased = quoted(*text, limit);
        return ok_status();
      }
    }
    return ok_status();
  }

  /// Whether the model comes to the same answer from the first half of this one's lines.
  Result<bool> is_found_again(Session& session, size_t answer) const {
    const std::string text =
        quoted(session.candidates()[answer].text, quote_limit(session.generator(), 2));
    const size_t middle = text.find('\n', text.size() / 2);
    const size_t before = text.rfind('\n', text.size() / 2);
    const std::string hint = text.substr(0, before != std::string::npos ? before : middle);
    // A one-line answer shows nothing but itself.
    const State state{hint.size() < text.size() ? hint : "", "", Action::kStep, true};
    WHET_TRY(
        const auto again,
        session.answer("second reading", asking(session.question(), state, "Finish the solution."),
                       temperature_));
    if (!again) return false;
    Candidate& second = session.candidates()[*again];
    const bool same = second.eligible && second.key == session.candidates()[answer].key;
    second.eligible = false;  // a witness, not a path
    second.reason = same ? "found the answer again" : "did not find the answer again";
    return same;
  }

  int64_t n_rollouts_;
  size_t depth_;
  double exploration_, temperature_;
};

}  // namespace

std::unique_ptr<Strategy> make_rstar(OptionReader& options) {
  const int64_t rollouts = options.integer("rollouts", 5, 1, 256);
  const int64_t depth = options.integer("depth", 3, 1, 16);
  const double exploration = options.number("exploration", 1.4, 0, 10);
  return std::make_unique<RStar>(rollouts, depth, exploration,
                                 options.number("temperature", 0.7, 0, 5));
}

}  // namespace whet::strategy
