#include "grammar/automaton.h"

#include <algorithm>
#include <functional>
#include <span>
#include <utility>

#include "base/check.h"
#include "base/rng.h"

namespace whet::grammar {
namespace {

using Kind = Network::Kind;

// Visits of one step. Grammars in use need dozens; a step of this many takes some ten milliseconds.
constexpr size_t kMaxWork = 200'000;

template <typename T>
uint64_t hash_of(std::span<const T> returns, uint64_t seed) {
  uint64_t hash = seed;
  for (const T& r : returns) {
    hash = splitmix64(hash ^ ((uint64_t{r.state} << 32) | uint64_t{r.frame}));
  }
  return hash;
}

}  // namespace

Automaton::Automaton(const Network& network)
    : network_(network), n_classes_(network.class_example.size()) {
  // Frame 0 is the bottom: behind the whole grammar the text ends. It returns to itself in name.
  frames_.push_back({0, 1});
  returns_.push_back({Network::kEndState, 0});
  const Network::Rule& root = network_.rules[network_.root];
  if (root.nullable) draft_.can_end = true;
  open_.push_back({root.start, 0});
  follow(true);
  enter_called_rules();
  start_ = keep_draft();
}

Automaton::StateId Automaton::step(StateId state, size_t byte_class) {
  const uint8_t byte = network_.class_example[byte_class];
  const State from = at(state);
  for (uint32_t i = 0; i < from.n_positions; ++i) {
    const Return position = positions_[from.first_position + i];
    const Network::State& s = network_.states[position.state];
    for (uint32_t e = s.first; e < s.second; ++e) {
      const Network::Edge& edge = network_.edges[e];
      if (byte >= edge.bytes.low && byte <= edge.bytes.high) {
        open_.push_back({edge.target, position.frame});
      }
    }
  }
  const bool overran_before = std::exchange(overran_, false);
  follow(false);
  enter_called_rules();
  if (overran_) {
    draft_ = {};
    return kDead;
  }
  overran_ = overran_before;
  const StateId to = keep_draft();
  next_[static_cast<size_t>(state) * n_classes_ + byte_class] = to;
  return to;
}

void Automaton::follow(bool at_call) {
  while (!open_.empty()) {
    const Return at = open_.back();
    open_.pop_back();
    if (work_ > std::min(kMaxWork, budget_)) {
      overran_ = true;
      open_.clear();
      return;
    }
    const Network::State& state = network_.states[at.state];
    if (!state.productive && state.kind != Kind::kEnd) continue;
    if (!seen_.insert((uint64_t{at.state} << 32) | at.frame).second) continue;
    ++work_;
    switch (state.kind) {
      case Kind::kBytes:
        draft_.positions.push_back(at);
        draft_.in_free_text = draft_.in_free_text || state.free_text;
        break;
      case Kind::kSplit:
        for (uint32_t t = state.first; t < state.second; ++t) {
          open_.push_back({network_.targets[t], at.frame});
        }
        work_ += state.second - state.first;
        break;
      case Kind::kCall: {
        const Network::Rule& rule = network_.rules[state.first];
        if (rule.nullable) open_.push_back({state.second, at.frame});
        auto [call, is_new] = called_.try_emplace(rule.order);
        if (is_new) {
          called_orders_.push_back(rule.order);
          std::push_heap(called_orders_.begin(), called_orders_.end(), std::greater<>());
        }
        // A call at the end of a rule returns to that rule's callers, or right recursion would pile
        // up frames that have nothing left to do.
        if (state.tail_call) {
          const Span frame = frames_[at.frame];
          const auto first = returns_.begin() + frame.first;
          call->second.insert(call->second.end(), first, first + frame.count);
          work_ += frame.count;
        } else {
          call->second.push_back({state.second, at.frame});
        }
        break;
      }
      case Kind::kAccept:
        if (!at_call) {
          const Span frame = frames_[at.frame];
          for (uint32_t i = 0; i < frame.count; ++i) open_.push_back(returns_[frame.first + i]);
          work_ += frame.count;
        }
        break;
      case Kind::kEnd:
        draft_.can_end = true;
    }
  }
}

// In the order of the rules, so that all callers of a rule are known before it is entered.
void Automaton::enter_called_rules() {
  while (!called_orders_.empty()) {
    std::pop_heap(called_orders_.begin(), called_orders_.end(), std::greater<>());
    const uint32_t order = called_orders_.back();
    called_orders_.pop_back();
    auto call = called_.extract(order);
    const uint32_t frame = keep_frame(std::move(call.mapped()));
    open_.push_back({network_.rules[network_.rule_at[order]].start, frame});
    follow(true);
  }
  seen_.clear();
  budget_ -= std::min(budget_, std::exchange(work_, 0));
}

uint32_t Automaton::keep_frame(std::vector<Return> returns) {
  std::sort(returns.begin(), returns.end());
  returns.erase(std::unique(returns.begin(), returns.end()), returns.end());
  const uint64_t hash = hash_of<Return>(returns, returns.size());
  const auto [first, last] = frame_index_.equal_range(hash);
  for (auto it = first; it != last; ++it) {
    const Span frame = frames_[it->second];
    const auto begin = returns_.begin() + frame.first;
    if (std::equal(returns.begin(), returns.end(), begin, begin + frame.count)) return it->second;
  }
  const auto id = static_cast<uint32_t>(frames_.size());
  frames_.push_back(
      {static_cast<uint32_t>(returns_.size()), static_cast<uint32_t>(returns.size())});
  returns_.insert(returns_.end(), returns.begin(), returns.end());
  frame_index_.emplace(hash, id);
  n_bytes_ += 64 + returns.size() * sizeof(Return);
  return id;
}

Automaton::StateId Automaton::keep_draft() {
  Draft draft = std::move(draft_);
  draft_ = {};
  if (draft.positions.empty() && !draft.can_end) return kDead;
  std::vector<Return>& positions = draft.positions;
  std::sort(positions.begin(), positions.end());
  const uint64_t hash = hash_of<Return>(positions, draft.can_end ? 1 : 0);
  const auto [first, last] = state_index_.equal_range(hash);
  for (auto it = first; it != last; ++it) {
    const State& state = states_[it->second];
    const auto begin = positions_.begin() + state.first_position;
    if (state.can_end == draft.can_end &&
        std::equal(positions.begin(), positions.end(), begin, begin + state.n_positions)) {
      return static_cast<StateId>(it->second);
    }
  }
  const auto id = static_cast<uint32_t>(states_.size());
  states_.push_back({static_cast<uint32_t>(positions_.size()),
                     static_cast<uint32_t>(positions.size()), draft.can_end, draft.in_free_text});
  positions_.insert(positions_.end(), positions.begin(), positions.end());
  next_.resize(next_.size() + n_classes_, kUnknown);
  state_index_.emplace(hash, id);
  n_bytes_ += 64 + sizeof(State) + positions.size() * sizeof(Return) + n_classes_ * sizeof(StateId);
  return static_cast<StateId>(id);
}

Automaton::StateId Automaton::adopt(const Automaton& other, StateId state) {
  WHET_CHECK(&network_ == &other.network_);
  const State& from = other.at(state);
  std::vector<uint32_t> needed;  // frames of `other`
  std::vector<bool> found(other.frames_.size(), false);
  auto need = [&](uint32_t frame) {
    if (!found[frame]) needed.push_back(frame);
    found[frame] = true;
  };
  for (uint32_t i = 0; i < from.n_positions; ++i) {
    need(other.positions_[from.first_position + i].frame);
  }
  for (size_t i = 0; i < needed.size(); ++i) {
    const Span frame = other.frames_[needed[i]];
    for (uint32_t r = 0; r < frame.count; ++r) need(other.returns_[frame.first + r].frame);
  }
  // A frame refers to earlier frames only, so ascending order has each one's parents first.
  std::sort(needed.begin(), needed.end());
  std::unordered_map<uint32_t, uint32_t> own{{0, 0}};
  for (uint32_t id : needed) {
    if (id == 0) continue;
    const Span frame = other.frames_[id];
    std::vector<Return> returns;
    for (uint32_t r = 0; r < frame.count; ++r) {
      const Return& to = other.returns_[frame.first + r];
      returns.push_back({to.state, own.at(to.frame)});
    }
    own[id] = keep_frame(std::move(returns));
  }
  draft_.can_end = from.can_end;
  draft_.in_free_text = from.in_free_text;
  for (uint32_t i = 0; i < from.n_positions; ++i) {
    const Return& position = other.positions_[from.first_position + i];
    draft_.positions.push_back({position.state, own.at(position.frame)});
  }
  return keep_draft();
}

}  // namespace whet::grammar
