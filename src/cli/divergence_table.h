// A divergence summary for people and for programs.
#pragma once

#include <nlohmann/json.hpp>

#include "stats/divergence.h"

namespace whet {

void print_divergence(const stats::DivergenceSummary& summary);
nlohmann::ordered_json divergence_json(const stats::DivergenceSummary& summary);

}  // namespace whet
