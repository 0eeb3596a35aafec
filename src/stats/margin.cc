#include "stats/margin.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "stats/distribution.h"
#include "stats/ratio.h"
#include "stats/sample.h"
#include "stats/significance.h"

namespace whet::stats {
namespace {

/// P(T >= t) where t = (mean - margin) / standard_error; a mean without spread is taken as exact.
double upper_tail(double distance, double standard_error, double degrees) {
  if (standard_error == 0) return distance > 0 ? 0 : 1;
  return student_t_cdf(-distance / standard_error, degrees);
}

}  // namespace

double MarginTest::p_above(double margin) const {
  const double p = upper_tail(mean_ - margin, standard_error_, degrees_);
  return margin >= 0 ? std::max(p, flip_p_above_) : p;
}

double MarginTest::p_below(double margin) const {
  const double p = upper_tail(margin - mean_, standard_error_, degrees_);
  return margin <= 0 ? std::max(p, flip_p_below_) : p;
}

double MarginTest::detectable(double alpha, double power) const {
  return (student_t_quantile(1 - alpha, degrees_) + student_t_quantile(power, degrees_)) *
         standard_error_;
}

std::optional<MarginTest> test_accuracy_difference(const PairedTasks& tasks,
                                                   const BootstrapOptions& options) {
  std::vector<double> differences;
  for (const PairedTask& task : tasks) {
    const auto baseline = mean(task.baseline);
    const auto strategy = mean(task.strategy);
    if (baseline && strategy) differences.push_back(*strategy - *baseline);
  }
  if (differences.size() < 2) return std::nullopt;
  const double observed = *mean(differences);
  const double two_sided = sign_flip_test(differences, options.n_resamples, options.seed).p;
  MarginTest test;
  test.flip_p_above_ = observed > 0 ? two_sided / 2 : 1;
  test.flip_p_below_ = observed < 0 ? two_sided / 2 : 1;
  test.degrees_ = static_cast<double>(differences.size() - 1);
  differences.push_back(1);
  differences.push_back(-1);
  test.mean_ = *mean(differences);
  test.standard_error_ =
      std::sqrt(*variance(differences) / static_cast<double>(differences.size()));
  return test;
}

std::optional<MarginTest> test_log_ratio(const PairedTasks& tasks) {
  std::vector<double> logs;
  for (const PairedTask& task : tasks) {
    if (const auto ratio = estimate_ratio({task}, RatioOf::kGeometricMeans, {.n_resamples = 0}))
      logs.push_back(std::log(ratio->value));
  }
  if (logs.size() < 2) return std::nullopt;
  MarginTest test;
  test.mean_ = *mean(logs);
  test.standard_error_ = std::sqrt(*variance(logs) / static_cast<double>(logs.size()));
  test.degrees_ = static_cast<double>(logs.size() - 1);
  return test;
}

}  // namespace whet::stats
