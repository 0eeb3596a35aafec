// Automaton: a Network made deterministic as it is read. A state is the set of all ways to have
// read the bytes so far: positions in rules, each with its stack of callers. Stacks share their
// tails, and calls of one rule at one byte share a frame, so an ambiguous grammar costs polynomial
// space, not exponential. Equal sets are one state, however they were reached, and transitions are
// kept.
#pragma once

#include <cstdint>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <vector>

#include "grammar/network.h"

namespace whet::grammar {

/// Not safe to share between threads. Keeps a reference to the network.
class Automaton {
 public:
  using StateId = int32_t;
  static constexpr StateId kDead = -1;

  explicit Automaton(const Network& network);

  StateId start() const { return start_; }
  /// The state after one more byte; kDead if no text of the grammar goes on like that.
  StateId next(StateId state, uint8_t byte) {
    const size_t byte_class = network_.byte_class[byte];
    const StateId known = next_[static_cast<size_t>(state) * n_classes_ + byte_class];
    return known != kUnknown ? known : step(state, byte_class);
  }
  bool can_end(StateId state) const { return at(state).can_end; }
  /// Whether bytes can follow.
  bool can_go_on(StateId state) const { return at(state).n_positions > 0; }
  /// Whether the text is in a part that the grammar leaves free.
  bool in_free_text(StateId state) const { return at(state).in_free_text; }

  /// This automaton's state that equals `state` of `other`, of the same network.
  StateId adopt(const Automaton& other, StateId state);

  /// True once a step was given up because there were too many ways to read the text: its kDead is
  /// then wrong.
  bool overran() const { return overran_; }
  /// Lets the steps from here on visit so many positions together, then gives up.
  void allow_work(size_t visits) {
    overran_ = false;
    budget_ = visits;
  }
  /// Memory in use by states and frames.
  size_t n_bytes() const { return n_bytes_; }
  size_t n_states() const { return states_.size(); }

 private:
  static constexpr StateId kUnknown = -2;

  /// Where to go on when a called rule ends.
  struct Return {
    uint32_t state;
    uint32_t frame;
    auto operator<=>(const Return&) const = default;
  };
  struct Span {
    uint32_t first;
    uint32_t count;
  };
  struct State {
    uint32_t first_position;
    uint32_t n_positions;
    bool can_end;
    bool in_free_text;
  };
  /// The state under construction.
  struct Draft {
    std::vector<Return> positions;  // network state and its frame
    bool can_end = false;
    bool in_free_text = false;
  };

  const State& at(StateId state) const { return states_[static_cast<size_t>(state)]; }
  StateId step(StateId state, size_t byte_class);
  /// Follows everything that needs no byte from what `open_` holds. `at_call`: the rules have been
  /// entered at this byte, so that their empty ends were dealt with at the call.
  void follow(bool at_call);
  void enter_called_rules();
  StateId keep_draft();
  uint32_t keep_frame(std::vector<Return> returns);

  const Network& network_;
  size_t n_classes_;
  StateId start_ = kDead;
  bool overran_ = false;
  size_t n_bytes_ = 0;

  std::vector<State> states_;
  std::vector<StateId> next_;      // [state][byte class]
  std::vector<Return> positions_;  // of all states
  std::vector<Span> frames_;       // into returns_; a frame refers to frames before it
  std::vector<Return> returns_;
  std::unordered_multimap<uint64_t, uint32_t> state_index_, frame_index_;  // by hash of content

  // Of the step in progress.
  Draft draft_;
  std::vector<Return> open_;
  std::unordered_set<uint64_t> seen_;
  std::unordered_map<uint32_t, std::vector<Return>> called_;  // by order of the rule
  std::vector<uint32_t> called_orders_;                       // heap, the least on top
  size_t work_ = 0;                                           // positions visited
  size_t budget_ = static_cast<size_t>(-1);
};

}  // namespace whet::grammar
