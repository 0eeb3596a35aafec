// mcts: a tree of answers. A node's children are revisions of its answer (the root's are fresh
// ones); an answer's value is P(True); the search descends by upper confidence bounds. The answer
// with the highest mean value is returned. Source: optillm's mcts; there the model plays the next
// turns of a dialogue and rates it with a number, which rewards talk. Here answers are revised and
// their value is a probability, so nothing is parsed.
#include <fmt/format.h>

#include "strategy/makers.h"
#include "strategy/p_true.h"
#include "strategy/quotation.h"
#include "strategy/search_tree.h"
#include "strategy/selection.h"
#include "strategy/session.h"

namespace whet::strategy {
namespace {

class Mcts : public Strategy {
 public:
  Mcts(int64_t simulations, int64_t width, int64_t depth, double exploration)
      : n_simulations_(simulations),
        width_(static_cast<size_t>(width)),
        depth_(static_cast<size_t>(depth)),
        exploration_(exploration) {}

  std::string description() const override {
    return fmt::format(
        "A tree of answers and their revisions, {} simulations of {} children, {} deep, valued by "
        "P(True).",
        n_simulations_, width_, depth_);
  }
  Result<Outcome> solve(const eval::Question& question, Generator& generator,
                        const Context& context) const override {
    Session session(question, generator, context);
    SearchTree tree;
    std::vector<std::optional<size_t>> answer_of = {std::nullopt};  // candidate of each node
    for (int64_t i = 0; i < n_simulations_; ++i) {
      if (i > 0 && session.stopped()) break;
      size_t leaf = tree.select(exploration_);
      const bool may_expand =
          leaf == 0 || (tree.node(leaf).n_visits > 0 && tree.node(leaf).depth < depth_);
      if (may_expand) {
        WHET_TRY_STATUS(expand(session, tree, leaf, answer_of));
        if (tree.node(leaf).children.empty()) {
          if (leaf == 0) break;  // no answer to start from
          tree.back_up(leaf, 0);
          continue;
        }
        leaf = tree.node(leaf).children.front();
      }
      WHET_TRY_STATUS(value(session, tree, leaf, answer_of));
    }
    return session.finish([&](std::vector<Candidate>& candidates, const std::vector<size_t>& all) {
      std::vector<size_t> visited;
      for (size_t node = 1; node < tree.size(); ++node) {
        if (tree.node(node).n_visits > 0) visited.push_back(*answer_of[node]);
      }
      Selection selection = select_by_score(candidates, visited.empty() ? all : visited, "P(True)");
      selection.how += fmt::format(" of {} answers in the tree", tree.size() - 1);
      return selection;
    });
  }

 private:
  Status expand(Session& session, SearchTree& tree, size_t node,
                std::vector<std::optional<size_t>>& answer_of) const {
    Ask ask{.samples = session.draws(width_, 0.8), .stage = "answer"};
    if (answer_of[node]) {
      const std::string text =
          quoted(session.candidates()[*answer_of[node]].text, quote_limit(session.generator(), 1));
      ask.stage = "revision";
      ask.messages = session.question()
                         .with_text(fmt::format("{}\n\nAn earlier answer:\n{}\n\nCheck it step by "
                                                "step, then give a complete answer of your own.",
                                                session.question().text(), text))
                         .messages;
    }
    const auto made = session.ask(std::move(ask));
    if (!made.ok()) return made.error();
    for (size_t i : *made) {
      if (!session.candidates()[i].eligible) continue;
      tree.add(node);
      answer_of.push_back(i);
    }
    return ok_status();
  }

  Status value(Session& session, SearchTree& tree, size_t node,
               const std::vector<std::optional<size_t>>& answer_of) const {
    Candidate& candidate = session.candidates()[*answer_of[node]];
    if (!candidate.score) {
      const auto score = p_true(session, candidate.text);
      if (!score.ok()) return score.error();
      if (!*score) return ok_status();  // stopped
      candidate.score = *score;
    }
    tree.back_up(node, *candidate.score);
    return ok_status();
  }

  int64_t n_simulations_;
  size_t width_, depth_;
  double exploration_;
};

}  // namespace

std::unique_ptr<Strategy> make_mcts(OptionReader& options) {
  const int64_t simulations = options.integer("simulations", 6, 1, 256);
  const int64_t width = options.integer("width", 3, 1, 16);
  const int64_t depth = options.integer("depth", 2, 1, 16);
  return std::make_unique<Mcts>(simulations, width, depth,
                                options.number("exploration", 0.2, 0, 10));
}

}  // namespace whet::strategy
