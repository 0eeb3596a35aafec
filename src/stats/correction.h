// Correction of p-values for several comparisons.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace whet::stats {

/// Holm's step-down adjusted p-values, in the order given; controls the family-wise error rate
/// under any dependence. `max_errors`: the most hypotheses that can be rejected falsely by events
/// that do not contain each other, where logic makes that fewer than there are hypotheses.
/// Sources: Holm, Scand. J. Stat. 6 (1979); Shaffer, J. Am. Stat. Assoc. 81 (1986).
std::vector<double> holm_adjust(std::span<const double> p_values, size_t max_errors = SIZE_MAX);

}  // namespace whet::stats
