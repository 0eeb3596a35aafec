// Compositions of strategies: "a&b" answers by a and lets b answer again with that draft before it;
// "a|b" answers by both and chooses.
#pragma once

#include <memory>
#include <vector>

#include "strategy/strategy.h"

namespace whet::strategy {

/// `parts` has two or more. One that only rewrites the question (re2) makes no draft: the next is
/// asked the new question. Where the last part finds no answer, the draft before it stands.
std::unique_ptr<Strategy> make_pipeline(std::vector<std::unique_ptr<Strategy>> parts);

/// `parts` has two or more. Each part's answer has one vote; see select_as_usual().
std::unique_ptr<Strategy> make_alternatives(std::vector<std::unique_ptr<Strategy>> parts);

}  // namespace whet::strategy
