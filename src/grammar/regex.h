// Regular expressions as grammars: the part of ECMAScript's syntax that is regular, see
// docs/grammar.md. Everything else is refused by name.
#pragma once

#include <functional>
#include <memory>
#include <string_view>

#include "grammar/grammar.h"

namespace whet::grammar {

/// Matches the whole text, as if between ^ and $.
Result<std::shared_ptr<const Grammar>> regex_grammar(std::string_view pattern);

struct RegexOptions {
  /// Spells the characters of a set; by default as UTF-8. JSON strings escape some.
  std::function<ExprId(RuleSet&, const CodePoints&)> spell;
  /// Whether the pattern may match anywhere in the text unless ^ and $ tie it down.
  bool search = false;
};

/// The same as a part of a larger grammar.
Result<ExprId> add_regex(RuleSet& rules, std::string_view pattern, const RegexOptions& options);

}  // namespace whet::grammar
