// One maker per strategy file; each reads its own options. Only registry.cc includes this.
#pragma once

#include <memory>

#include "strategy/option_reader.h"
#include "strategy/strategy.h"

namespace whet::strategy {

std::unique_ptr<Strategy> make_baseline(OptionReader& options);
std::unique_ptr<Strategy> make_greedy(OptionReader& options);
std::unique_ptr<Strategy> make_re2(OptionReader& options);
std::unique_ptr<Strategy> make_best_of_n(OptionReader& options);
std::unique_ptr<Strategy> make_diverse(OptionReader& options);
std::unique_ptr<Strategy> make_majority_voting(OptionReader& options);
std::unique_ptr<Strategy> make_self_consistency(OptionReader& options);
std::unique_ptr<Strategy> make_same_time(OptionReader& options);

}  // namespace whet::strategy
