#include "decode/constraint.h"

#include <unordered_map>

#include "grammar/automaton.h"

namespace whet {

using grammar::Automaton;

namespace {

// States in memory before new ones go to a fresh automaton, and the old die with their last user.
constexpr size_t kMaxStateBytes = size_t{128} << 20;
constexpr size_t kMaxMaskBytes = size_t{32} << 20;
// Positions that one mask may visit: about half a second. Schemas in use need some thousand.
constexpr size_t kMaxMaskWork = 10'000'000;

}  // namespace

/// An automaton and the masks of its states. The mutex guards all of it.
struct ConstraintStates {
  explicit ConstraintStates(const grammar::Grammar& grammar) : automaton(grammar.network()) {}

  std::mutex mutex;
  Automaton automaton;
  std::unordered_map<Automaton::StateId, std::shared_ptr<const Mask>> masks;
  size_t mask_bytes = 0;
};

namespace {

/// Reads the trie depth first; states[d] is the automaton's after d bytes.
std::shared_ptr<const Mask> find_allowed(Automaton& automaton, Automaton::StateId from,
                                         const TokenTrie& tokens) {
  auto mask = std::make_shared<Mask>(tokens.vocab_size());
  std::vector<Automaton::StateId> states(tokens.max_depth() + 1, Automaton::kDead);
  states[0] = from;
  const auto& nodes = tokens.nodes();
  for (size_t i = 0; i + 1 < nodes.size();) {
    const TokenTrie::Node& node = nodes[i];
    const Automaton::StateId state = automaton.next(states[node.depth - size_t{1}], node.byte);
    if (automaton.overran()) break;
    if (state == Automaton::kDead) {
      i = node.end;
      continue;
    }
    states[node.depth] = state;
    for (uint32_t t = node.first_token; t < nodes[i + 1].first_token; ++t) {
      mask->allow(tokens.tokens()[t]);
    }
    ++i;
  }
  if (automaton.can_end(from)) {
    for (TokenId id : tokens.ends()) mask->allow(id);
  }
  if (automaton.in_free_text(from)) {
    for (TokenId id : tokens.silent()) mask->allow(id);
  }
  return mask;
}

Automaton::StateId read(Automaton& automaton, Automaton::StateId state, std::string_view bytes) {
  for (char c : bytes) {
    if (state == Automaton::kDead) break;
    state = automaton.next(state, static_cast<uint8_t>(c));
  }
  return state;
}

}  // namespace

Constraint::Constraint(std::shared_ptr<const grammar::Grammar> grammar,
                       std::shared_ptr<const TokenTrie> tokens)
    : grammar_(std::move(grammar)),
      tokens_(std::move(tokens)),
      states_(std::make_shared<ConstraintStates>(*grammar_)) {}

Constraint::~Constraint() = default;

Constraint::State Constraint::start() const {
  std::lock_guard lock(mutex_);
  State state;
  state.states = states_;
  state.id = states_->automaton.start();
  return state;
}

/// The states to work in: the sequence's own, or fresh ones where those have grown too large.
std::shared_ptr<ConstraintStates> Constraint::roomy(const State& state, int32_t& id) const {
  id = state.id;
  std::lock_guard lock(mutex_);
  std::scoped_lock old_lock(state.states->mutex);
  if (state.states->automaton.n_bytes() <= kMaxStateBytes) return state.states;
  if (states_ == state.states) states_ = std::make_shared<ConstraintStates>(*grammar_);
  std::scoped_lock new_lock(states_->mutex);
  id = states_->automaton.adopt(state.states->automaton, state.id);
  return states_;
}

Result<std::shared_ptr<const Mask>> Constraint::allowed(const State& state) const {
  if (state.ended) return std::make_shared<const Mask>(tokens_->vocab_size());
  int32_t id = 0;
  const auto states = roomy(state, id);
  std::scoped_lock lock(states->mutex);
  auto& kept = states->masks[id];
  if (kept != nullptr) return kept;
  states->automaton.allow_work(kMaxMaskWork);
  auto mask = find_allowed(states->automaton, id, *tokens_);
  if (states->automaton.overran()) {
    states->masks.erase(id);
    return Error(ErrorCode::kResourceExhausted,
                 "the grammar is too ambiguous: there are too many ways to read the text so far; "
                 "rewrite rules so that fewer alternatives match the same text");
  }
  states->mask_bytes += mask->words().size_bytes();
  if (states->mask_bytes > kMaxMaskBytes) {
    states->masks.clear();
    states->mask_bytes = mask->words().size_bytes();
    states->masks[id] = mask;
  } else {
    kept = mask;
  }
  return mask;
}

bool Constraint::accept(State& state, TokenId token) const {
  if (state.ended || token < 0 || static_cast<size_t>(token) >= tokens_->vocab_size()) return false;
  int32_t id = 0;
  auto states = roomy(state, id);
  std::scoped_lock lock(states->mutex);
  Automaton& automaton = states->automaton;
  automaton.allow_work(kMaxMaskWork);
  const std::string& bytes = tokens_->bytes(token);
  if (tokens_->is_end(token)) {
    if (!automaton.can_end(id)) return false;
    state.ended = true;
  } else if (bytes.empty()) {
    if (!automaton.in_free_text(id)) return false;
  } else {
    id = read(automaton, id, bytes);
    if (id == Automaton::kDead) return false;
  }
  state.id = id;
  state.states = states;
  return true;
}

bool Constraint::can_end(const State& state) const {
  std::scoped_lock lock(state.states->mutex);
  return state.ended || state.states->automaton.can_end(state.id);
}

bool Constraint::is_finished(const State& state) const {
  std::scoped_lock lock(state.states->mutex);
  const Automaton& automaton = state.states->automaton;
  return state.ended || (automaton.can_end(state.id) && !automaton.can_go_on(state.id));
}

std::shared_ptr<const Constraint> make_constraint(std::shared_ptr<const grammar::Grammar> grammar,
                                                  const Tokenizer& tokenizer) {
  return std::make_shared<const Constraint>(std::move(grammar),
                                            std::make_shared<const TokenTrie>(tokenizer));
}

}  // namespace whet
