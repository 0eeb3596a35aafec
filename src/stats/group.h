// Groups of tasks that are drawn together: questions on one passage, instances of one template.
// Outcomes within a group go together, so the groups, not the tasks, are the independent units.
// Source: Miller, "Adding error bars to evals", arXiv 2411.00640 (2024), section 2.2.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

namespace whet::stats {

/// The group of a task that is drawn on its own.
inline constexpr int64_t kOwnGroup = -1;

/// The tasks of each group, by index, in order of the groups' first tasks. `groups` holds one
/// number per task; equal numbers are one group, but for kOwnGroup.
std::vector<std::vector<uint32_t>> group_members(std::span<const int64_t> groups);

/// What the tasks of a group add to a mean over tasks.
struct GroupSum {
  double sum = 0;
  double n = 0;  // tasks
};

/// `values` and `groups`: one per task.
std::vector<GroupSum> group_sums(std::span<const double> values, std::span<const int64_t> groups);

/// Adds an imaginary group of mean size for each of `values`, which all of its tasks have.
void add_imaginary_groups(std::vector<GroupSum>& groups, std::span<const double> values);

/// Mean over tasks. There must be one.
double mean_over_tasks(std::span<const GroupSum> groups);

/// Standard error of the mean over tasks where groups are drawn (linearised, divisor m - 1 over m
/// groups). With one task per group: that of a plain mean. There must be two groups.
double mean_error(std::span<const GroupSum> groups);

/// Variance of the mean over tasks where groups are drawn, over what it were if the tasks were
/// drawn one by one: at 2, half as many tasks of their own would have told as much. None below two
/// groups, and where no value differs from another. `values` and `groups`: one per task.
/// Source: Kish, "Survey sampling" (1965), 8.2.
std::optional<double> design_effect(std::span<const double> values,
                                    std::span<const int64_t> groups);

}  // namespace whet::stats
