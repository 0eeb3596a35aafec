// One maker per strategy file; each reads its own options. Only registry.cc includes this.
#pragma once

#include <memory>

#include "strategy/option_reader.h"
#include "strategy/strategy.h"

namespace whet::strategy {

std::unique_ptr<Strategy> make_baseline(OptionReader& options);
std::unique_ptr<Strategy> make_greedy(OptionReader& options);
std::unique_ptr<Strategy> make_likelihood(OptionReader& options);
std::unique_ptr<Strategy> make_re2(OptionReader& options);
std::unique_ptr<Strategy> make_longer(OptionReader& options);
std::unique_ptr<Strategy> make_best_of_n(OptionReader& options);
std::unique_ptr<Strategy> make_diverse(OptionReader& options);
std::unique_ptr<Strategy> make_majority_voting(OptionReader& options);
std::unique_ptr<Strategy> make_self_consistency(OptionReader& options);
std::unique_ptr<Strategy> make_same_time(OptionReader& options);
std::unique_ptr<Strategy> make_same_time_vote(OptionReader& options);
std::unique_ptr<Strategy> make_self_certainty(OptionReader& options);
std::unique_ptr<Strategy> make_deepconf(OptionReader& options);
std::unique_ptr<Strategy> make_adaptive_vote(OptionReader& options);
std::unique_ptr<Strategy> make_cot_decoding(OptionReader& options);
std::unique_ptr<Strategy> make_entropy_decoding(OptionReader& options);
std::unique_ptr<Strategy> make_p_true(OptionReader& options);
std::unique_ptr<Strategy> make_genselect(OptionReader& options);
std::unique_ptr<Strategy> make_moa(OptionReader& options);
std::unique_ptr<Strategy> make_rsa(OptionReader& options);
std::unique_ptr<Strategy> make_pvg(OptionReader& options);
std::unique_ptr<Strategy> make_leap(OptionReader& options);
std::unique_ptr<Strategy> make_plansearch(OptionReader& options);
std::unique_ptr<Strategy> make_mars(OptionReader& options);
std::unique_ptr<Strategy> make_cepo(OptionReader& options);
std::unique_ptr<Strategy> make_mcts(OptionReader& options);
std::unique_ptr<Strategy> make_rstar(OptionReader& options);
std::unique_ptr<Strategy> make_rto(OptionReader& options);
std::unique_ptr<Strategy> make_cot_reflection(OptionReader& options);
std::unique_ptr<Strategy> make_autothink(OptionReader& options);
std::unique_ptr<Strategy> make_codet(OptionReader& options);
std::unique_ptr<Strategy> make_router(OptionReader& options);

}  // namespace whet::strategy
