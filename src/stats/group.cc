#include "stats/group.h"

#include <cmath>
#include <map>

#include "base/check.h"

namespace whet::stats {

std::vector<std::vector<uint32_t>> group_members(std::span<const int64_t> groups) {
  std::vector<std::vector<uint32_t>> members;
  std::map<int64_t, size_t> place_of;
  for (uint32_t i = 0; i < groups.size(); ++i) {
    size_t place = members.size();
    if (groups[i] != kOwnGroup) place = place_of.emplace(groups[i], place).first->second;
    if (place == members.size()) members.emplace_back();
    members[place].push_back(i);
  }
  return members;
}

std::vector<GroupSum> group_sums(std::span<const double> values, std::span<const int64_t> groups) {
  WHET_CHECK(values.size() == groups.size());
  std::vector<GroupSum> sums;
  for (const auto& members : group_members(groups)) {
    GroupSum group;
    for (uint32_t i : members) group.sum += values[i];
    group.n = static_cast<double>(members.size());
    sums.push_back(group);
  }
  return sums;
}

void add_imaginary_groups(std::vector<GroupSum>& groups, std::span<const double> values) {
  WHET_CHECK(!groups.empty());
  double n_tasks = 0;
  for (const GroupSum& group : groups) n_tasks += group.n;
  const double size = n_tasks / static_cast<double>(groups.size());
  for (double value : values) groups.push_back({value * size, size});
}

double mean_over_tasks(std::span<const GroupSum> groups) {
  double sum = 0;
  double n_tasks = 0;
  for (const GroupSum& group : groups) {
    sum += group.sum;
    n_tasks += group.n;
  }
  WHET_CHECK(n_tasks > 0);
  return sum / n_tasks;
}

double mean_error(std::span<const GroupSum> groups) {
  WHET_CHECK(groups.size() >= 2);
  const double mean = mean_over_tasks(groups);
  double squares = 0;
  double n_tasks = 0;
  for (const GroupSum& group : groups) {
    const double d = group.sum - mean * group.n;
    squares += d * d;
    n_tasks += group.n;
  }
  const auto m = static_cast<double>(groups.size());
  return std::sqrt(squares * m / (m - 1)) / n_tasks;
}

std::optional<double> design_effect(std::span<const double> values,
                                    std::span<const int64_t> groups) {
  const auto drawn = group_sums(values, groups);
  if (drawn.size() < 2) return std::nullopt;
  const auto alone = group_sums(values, std::vector<int64_t>(values.size(), kOwnGroup));
  const double error = mean_error(alone);
  if (error == 0) return std::nullopt;
  const double ratio = mean_error(drawn) / error;
  return ratio * ratio;
}

}  // namespace whet::stats
