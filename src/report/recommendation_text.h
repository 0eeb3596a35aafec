// A recommendation as text.
#pragma once

#include <string>
#include <vector>

#include "report/recommendation.h"

namespace whet::report {

/// In at most `width` columns (of 60 or more): models by letters, what to do with each, why, and
/// what every choice costs.
std::string recommendation_terminal(const std::vector<TaskAdvice>& advice, int width);

/// As Markdown tables, a row per choice and per cell.
std::string recommendation_markdown(const std::vector<TaskAdvice>& advice);

}  // namespace whet::report
