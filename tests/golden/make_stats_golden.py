#!/usr/bin/env python3
"""Writes src/stats/testdata/stats_golden.h: reference values of the stats room.

Needs numpy, scipy and statsmodels; run from the repository root:
    python3 tests/golden/make_stats_golden.py
"""
import itertools
from pathlib import Path

import numpy as np
import scipy
import statsmodels
from scipy import stats
from statsmodels.stats.contingency_tables import mcnemar
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.proportion import proportion_confint

SAMPLE = [3.1, 0.4, 2.2, 9.7, 5.0, 5.0, 1.3, 8.8, 2.9, 6.1, 4.4]
P_VALUES = [0.01, 0.04, 0.03, 0.005, 0.6]
SCORES = [0.1, 0.4, 0.35, 0.8, 0.4, 0.9, 0.2]
CORRECT = [0, 0, 1, 1, 1, 1, 0]


def rows(values):
    return ",\n".join("    {" + ", ".join(repr(x) if isinstance(x, int) else f"{x:.17g}" for x in row) + "}"
                      for row in values)


def numbers(values):
    return ", ".join(f"{x:.17g}" for x in values)


def flip_p(differences):
    """Sign-flip p-value by listing every sign pattern."""
    d = np.array(differences)
    observed = abs(d.sum())
    sums = [abs((d * np.array(s)).sum()) for s in itertools.product((-1, 1), repeat=len(d))]
    return np.mean([s >= observed - 1e-12 for s in sums])


def bca_reference(sample):
    result = stats.bootstrap((np.array(sample),), np.mean, n_resamples=400_000, method="BCa",
                             rng=np.random.default_rng(7))
    return result.confidence_interval


wilson = [(k, n, level, *proportion_confint(k, n, alpha=1 - level, method="wilson"))
          for k, n, level in [(0, 10, .95), (10, 10, .95), (7, 10, .95), (71, 100, .95), (1, 1, .95), (50, 1000, .9)]]
normal = [(p, stats.norm.ppf(p)) for p in (1e-12, 0.001, 0.02, 0.025, 0.5, 0.8, 0.975, 1 - 1e-9)]
student = [(p, df, stats.t.ppf(p, df)) for p, df in ((.025, 1.), (.025, 2.), (.975, 5.), (.9, 30.), (.001, 7.5), (.025, 400.))]
quantiles = [(q, np.quantile(SAMPLE, q)) for q in (0, .05, .25, .5, .95, 1)]
sign = [(a, b, stats.binomtest(a, a + b).pvalue) for a, b in ((8, 2), (0, 6), (5, 5), (30, 14), (600, 500))]
sign += [(3, 9, mcnemar([[5, 9], [3, 7]], exact=True).pvalue)]
flips = [[1 / 3, 2 / 3, -1 / 3, 1, 0, 1 / 3], [1, 1, 1, -1, 1], [.11, -.07, .31, .5, .017, .2, -.01]]
holm = multipletests(P_VALUES, method="holm")[1]
u = stats.mannwhitneyu([s for s, c in zip(SCORES, CORRECT) if c], [s for s, c in zip(SCORES, CORRECT) if not c])
auroc = u.statistic / (sum(CORRECT) * (len(CORRECT) - sum(CORRECT)))
bca = bca_reference(SAMPLE)
pass_at_k = []
for n, c, k in ((10, 3, 1), (10, 3, 5), (10, 8, 3), (200, 7, 100), (5, 0, 2)):
    pass_at_k.append((n, c, k, 1 - stats.hypergeom.pmf(0, n, c, k)))

out = f"""// Made by tests/golden/make_stats_golden.py with numpy {np.__version__}, scipy {scipy.__version__},
// statsmodels {statsmodels.__version__}. Do not edit.
#pragma once

#include <vector>

namespace whet::stats::golden {{

// clang-format off
inline const std::vector<double> kSample = {{{numbers(SAMPLE)}}};
struct Quantile {{ double q, value; }};
inline const std::vector<Quantile> kQuantiles = {{
{rows(quantiles)}}};
inline constexpr double kVariance = {np.var(SAMPLE, ddof=1):.17g};
inline constexpr double kMad = {stats.median_abs_deviation(SAMPLE):.17g};

struct Wilson {{ double k, n, level, low, high; }};
inline const std::vector<Wilson> kWilson = {{
{rows(wilson)}}};

struct NormalQuantile {{ double p, x; }};
inline const std::vector<NormalQuantile> kNormal = {{
{rows(normal)}}};
struct StudentQuantile {{ double p, degrees, t; }};
inline const std::vector<StudentQuantile> kStudent = {{
{rows(student)}}};

struct Sign {{ int plus, minus; double p; }};
inline const std::vector<Sign> kSign = {{
{rows(sign)}}};
struct Flip {{ std::vector<double> differences; double p; }};
inline const std::vector<Flip> kFlip = {{
{",".join(chr(10) + "    {{" + numbers(d) + "}, " + f"{flip_p(d):.17g}" + "}" for d in flips)}}};

inline const std::vector<double> kHolmIn = {{{numbers(P_VALUES)}}};
inline const std::vector<double> kHolmOut = {{{numbers(holm)}}};

struct PassAtK {{ int n, c, k; double value; }};
inline const std::vector<PassAtK> kPassAtK = {{
{rows(pass_at_k)}}};

inline const std::vector<double> kScores = {{{numbers(SCORES)}}};
inline const std::vector<int> kCorrect = {{{", ".join(map(str, CORRECT))}}};
inline constexpr double kAuroc = {auroc:.17g};

// BCa interval of the mean of kSample, 400 000 resamples.
inline constexpr double kBcaLow = {bca.low:.6g};
inline constexpr double kBcaHigh = {bca.high:.6g};
// clang-format on

}}  // namespace whet::stats::golden
"""
Path("src/stats/testdata/stats_golden.h").write_text(out)
