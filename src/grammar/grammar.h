// Grammar: the texts that a constrained completion may be, compiled. Written by one of
// gbnf.h, json_schema.h, regex.h and tool_call.h, or composed with a RuleSet.
#pragma once

#include <memory>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "grammar/network.h"
#include "grammar/rule_set.h"

namespace whet::grammar {

/// States of the network that one grammar may have; a state is some 20 bytes.
inline constexpr size_t kMaxNetworkStates = 1'000'000;

/// Immutable and safe to share between threads.
class Grammar {
 public:
  /// Every rule must be defined. Errors (kInvalidArgument): left recursion, a grammar that no
  /// finite text matches, more than kMaxNetworkStates.
  static Result<std::shared_ptr<const Grammar>> compile(const RuleSet& rules, ExprId root);

  /// Whether `text` as a whole is of this language.
  bool matches(std::string_view text) const;
  /// Whether some text that begins with `prefix` is.
  bool matches_prefix(std::string_view prefix) const;

  const Network& network() const { return network_; }

 private:
  explicit Grammar(Network network) : network_(std::move(network)) {}

  Network network_;
};

/// Any one of `choices`, which must not be empty.
Result<std::shared_ptr<const Grammar>> choice_grammar(const std::vector<std::string>& choices);

}  // namespace whet::grammar
