// P(True): the probability that the model says Yes, and not No, when asked whether an answer is
// correct. A number between 0 and 1 that needs no parsing. Source: Kadavath et al., "Language
// models (mostly) know what they know" (2022).
#pragma once

#include <optional>
#include <string>

#include "strategy/session.h"

namespace whet::strategy {

/// Two calls that read and generate nothing. None if the session is stopped(). Errors: those of
/// Generator::score(), kUnavailable where the engine cannot.
Result<std::optional<double>> p_true(Session& session, const std::string& answer);

}  // namespace whet::strategy
