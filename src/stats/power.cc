#include "stats/power.h"

#include <cmath>

#include "base/check.h"
#include "stats/distribution.h"

namespace whet::stats {
namespace {

constexpr int64_t kMostTasks = 10'000'000;

}  // namespace

std::optional<double> detectable_gain(int64_t n_tasks, const PairedDesign& design) {
  WHET_CHECK(design.changed > 0 && design.changed <= 1 && design.alpha > 0 && design.alpha < 0.5 &&
             design.power > 0.5 && design.power < 1);
  if (n_tasks < 2) return std::nullopt;
  const auto n = static_cast<double>(n_tasks);
  const double distance =
      -student_t_quantile(design.alpha, n - 1) - student_t_quantile(1 - design.power, n - 1);
  // gain = distance sqrt((changed - gain^2) / n)
  const double gain = distance * std::sqrt(design.changed / (n + distance * distance));
  return gain <= design.changed ? std::optional(gain) : std::nullopt;
}

std::optional<int64_t> tasks_to_show(double gain, const PairedDesign& design) {
  WHET_CHECK(gain > 0 && gain <= design.changed);
  const auto shows = [&](int64_t n) {
    const auto least = detectable_gain(n, design);
    return least && *least <= gain;
  };
  if (!shows(kMostTasks)) return std::nullopt;
  int64_t too_few = 1, enough = kMostTasks;
  while (enough - too_few > 1) {
    const int64_t middle = too_few + (enough - too_few) / 2;
    (shows(middle) ? enough : too_few) = middle;
  }
  return enough;
}

}  // namespace whet::stats
