#include "stats/margin.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <vector>

#include "stats/accuracy.h"
#include "stats/distribution.h"
#include "stats/group.h"
#include "stats/ratio.h"
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
  const TaskDifferences differences = task_differences(tasks);
  std::vector<GroupSum> units = group_sums(differences.values, differences.groups);
  if (units.size() < 2) return std::nullopt;
  const double observed = mean_over_tasks(units);
  const double two_sided = sign_flip_test_by_group(units, options.n_resamples, options.seed).p;
  MarginTest test;
  test.flip_p_above_ = observed > 0 ? two_sided / 2 : 1;
  test.flip_p_below_ = observed < 0 ? two_sided / 2 : 1;
  test.degrees_ = static_cast<double>(units.size() - 1);
  add_imaginary_groups(units, std::array{1.0, -1.0});
  test.mean_ = mean_over_tasks(units);
  test.standard_error_ = mean_error(units);
  return test;
}

std::optional<MarginTest> test_log_ratio(const PairedTasks& tasks) {
  std::vector<double> logs;
  std::vector<int64_t> groups;
  for (const PairedTask& task : tasks) {
    const auto ratio = estimate_ratio({task}, RatioOf::kGeometricMeans, {.n_resamples = 0});
    if (!ratio) continue;
    logs.push_back(std::log(ratio->value));
    groups.push_back(task.group);
  }
  const std::vector<GroupSum> units = group_sums(logs, groups);
  if (units.size() < 2) return std::nullopt;
  MarginTest test;
  test.mean_ = mean_over_tasks(units);
  test.standard_error_ = mean_error(units);
  test.degrees_ = static_cast<double>(units.size() - 1);
  return test;
}

}  // namespace whet::stats
