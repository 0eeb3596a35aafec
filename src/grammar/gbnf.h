// GBNF, the grammar notation of llama.cpp; what is read is in docs/grammar.md.
#pragma once

#include <memory>
#include <string_view>

#include "grammar/grammar.h"

namespace whet::grammar {

/// Errors name line and column, or the rule.
Result<std::shared_ptr<const Grammar>> gbnf_grammar(std::string_view text);

/// The same as a part of a larger grammar: adds the rules and returns a call of `root`.
Result<ExprId> add_gbnf(RuleSet& rules, std::string_view text);

}  // namespace whet::grammar
