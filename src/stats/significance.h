// Tests of "no difference" between two arms on the same tasks.
#pragma once

#include <cstdint>
#include <span>

#include "stats/group.h"

namespace whet::stats {

/// Exact two-sided sign test: of n_plus + n_minus informative pairs, n_plus favour one side.
/// 1 without an informative pair. Source: Dixon & Mood, J. Am. Stat. Assoc. 41 (1946).
double sign_test(int64_t n_plus, int64_t n_minus);

/// Exact McNemar test on the discordant pairs of a 2x2 table; the sign test by its other name, for
/// one run per task and arm. Source: McNemar, Psychometrika 12 (1947).
inline double mcnemar_exact_test(int64_t n_only_baseline, int64_t n_only_strategy) {
  return sign_test(n_only_strategy, n_only_baseline);
}

struct FlipTest {
  double p;    // two-sided, of the mean difference; 1 if all differences are 0
  bool exact;  // all sign patterns were counted, not sampled
};

/// Sign-flip permutation test of paired task differences: under "no effect" each difference is as
/// likely to have the other sign. Exact by dynamic programming when the differences are multiples
/// of 1/m for some m <= 60 (accuracies over at most 60 seeds are); with one run per task it equals
/// the exact McNemar test. Otherwise sampled, p = (1 + hits) / (1 + n_resamples). Source: Fisher,
/// The Design of Experiments (1935), section 21; Phipson & Smyth (2010) for the +1.
FlipTest sign_flip_test(std::span<const double> differences, int n_resamples = 10000,
                        uint64_t seed = 0);
/// The same by group: the signs of a group's tasks are flipped together.
FlipTest sign_flip_test_by_group(std::span<const GroupSum> groups, int n_resamples = 10000,
                                 uint64_t seed = 0);

}  // namespace whet::stats
