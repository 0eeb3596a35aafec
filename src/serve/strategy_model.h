// Strategies as a service: the model "best-of-n-NAME" answers by best-of-n over NAME, and
// "re2&best-of-n:n=5-NAME" by a composition.
#pragma once

#include <string>

#include "generator/generator.h"
#include "serve/server.h"

namespace whet::serve {

struct StrategyModel {
  std::string spec;   // for make_strategy; empty = none
  std::string model;  // the served model's name
};

/// Splits a strategy's slug from a model's name; `approach` is optillm's field of the same meaning.
StrategyModel split_strategy(const std::string& model, const std::string& approach);

/// Takes "<optillm_approach>SLUG</optillm_approach>" out of the first message of the system or a
/// user that holds one: the approach; empty = none.
std::string take_approach_tag(Conversation& conversation);

/// Answers the last message of a chat by a strategy, as a chat completion; usage counts every
/// hidden token. `trace`: the candidates go into the reply.
void strategy_completion(Exchange& exchange, ServedModel& model, const StrategyModel& strategy,
                         const GenerateRequest& request, bool stream, bool trace,
                         const std::string& id);

}  // namespace whet::serve
