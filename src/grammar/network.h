// Network: a recursive transition network over bytes, what a RuleSet becomes. Each rule is a small
// non-deterministic automaton; a state of one may call another rule.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"
#include "grammar/rule_set.h"

namespace whet::grammar {

struct Network {
  enum class Kind : uint8_t {
    kBytes,   // on a byte of edges [first, second) go to its target
    kSplit,   // go to any of targets [first, second)
    kCall,    // rule `first`, then state `second`
    kAccept,  // the rule ends
    kEnd,     // the whole text may end here
  };
  struct State {
    Kind kind;
    bool free_text = false;
    bool productive = false;  // the rule can be completed from here
    bool tail_call = false;   // of a call: the rule ends when the called rule ends
    uint32_t first = 0;
    uint32_t second = 0;
  };
  struct Edge {
    ByteRange bytes;
    uint32_t target;
  };
  struct Rule {
    std::string name;
    uint32_t start = 0;
    bool nullable = false;
    uint32_t order = 0;  // a rule is before those that it may call before it has read a byte
  };

  static constexpr uint32_t kEndState = 0;

  std::vector<State> states;
  std::vector<Edge> edges;
  std::vector<uint32_t> targets;
  std::vector<Rule> rules;
  std::vector<uint32_t> rule_at;  // rule of each order
  uint32_t root = 0;              // rule

  std::array<uint8_t, 256> byte_class{};  // bytes of one class are on the same edges everywhere
  std::vector<uint8_t> class_example;     // a byte of each class
};

/// Errors: more states than `max_states` (names the rule), left recursion (names the cycle), a root
/// from which nothing can be completed. All rules must be defined.
Result<Network> build_network(const RuleSet& rules, ExprId root, size_t max_states);

}  // namespace whet::grammar
