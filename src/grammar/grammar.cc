#include "grammar/grammar.h"

#include "grammar/automaton.h"

namespace whet::grammar {
namespace {

Automaton::StateId read(Automaton& automaton, std::string_view text) {
  Automaton::StateId state = automaton.start();
  for (char c : text) {
    if (state == Automaton::kDead) break;
    state = automaton.next(state, static_cast<uint8_t>(c));
  }
  return state;
}

}  // namespace

Result<std::shared_ptr<const Grammar>> Grammar::compile(const RuleSet& rules, ExprId root) {
  WHET_TRY(Network network, build_network(rules, root, kMaxNetworkStates));
  return std::shared_ptr<const Grammar>(new Grammar(std::move(network)));
}

bool Grammar::matches(std::string_view text) const {
  Automaton automaton(network_);
  const Automaton::StateId state = read(automaton, text);
  return state != Automaton::kDead && automaton.can_end(state);
}

bool Grammar::matches_prefix(std::string_view prefix) const {
  Automaton automaton(network_);
  return read(automaton, prefix) != Automaton::kDead;
}

Result<std::shared_ptr<const Grammar>> choice_grammar(const std::vector<std::string>& choices) {
  if (choices.empty()) {
    return Error(ErrorCode::kInvalidArgument, "choice: expected at least one string, found none");
  }
  RuleSet rules;
  const ExprId root = rules.literals(choices);
  return Grammar::compile(rules, root);
}

}  // namespace whet::grammar
