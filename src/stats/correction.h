// Correction of p-values for several comparisons.
#pragma once

#include <span>
#include <vector>

namespace whet::stats {

/// Holm's step-down adjusted p-values, in the order given; controls the family-wise error rate
/// under any dependence. Source: Holm, Scand. J. Stat. 6 (1979).
std::vector<double> holm_adjust(std::span<const double> p_values);

}  // namespace whet::stats
