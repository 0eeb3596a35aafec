#include "report/label_layout.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace whet::report {
namespace {

constexpr double kMarkRadius = 7;

double overlap_area(const Box& a, const Box& b) {
  const double width = std::min(a.right(), b.right()) - std::max(a.left, b.left);
  const double height = std::min(a.bottom(), b.bottom()) - std::max(a.top, b.top);
  return width > 0 && height > 0 ? width * height : 0;
}

Box mark_box(const LabelledPoint& p) {
  return {p.x - kMarkRadius, p.y - kMarkRadius, 2 * kMarkRadius, 2 * kMarkRadius};
}

/// Bars are lines; a name wants some air on both sides of them.
constexpr double kHalfBar = 3;

double cost(const Box& box, const LabelledPoint& own, const std::vector<LabelledPoint>& points,
            const std::vector<Box>& placed, const Box& area) {
  double sum = 0;
  for (const Box& other : placed) sum += 20 * overlap_area(box, other);
  for (const LabelledPoint& p : points) {
    sum += 10 * overlap_area(box, mark_box(p));
    const Box across{p.x_low, p.y - kHalfBar, p.x_high - p.x_low, 2 * kHalfBar};
    const Box upright{p.x - kHalfBar, p.y_low, 2 * kHalfBar, p.y_high - p.y_low};
    sum += 4 * (overlap_area(box, across) + overlap_area(box, upright));
  }
  const double inside = overlap_area(box, area);
  sum += 50 * (box.width * box.height - inside);
  const double away_x = std::clamp(own.x, box.left, box.right()) - own.x;
  const double away_y = std::clamp(own.y, box.top, box.bottom()) - own.y;
  return sum + std::hypot(away_x, away_y);
}

/// The nearest first, as far as equal costs go.
std::vector<Box> places_around(const LabelledPoint& p, double height) {
  constexpr double kGap = 9, kStep = 7, kFurthest = 154;
  std::vector<Box> places;
  for (double away = 0; away <= kFurthest; away += kStep) {
    for (const double y : {p.y - height - 2 - away, p.y + 2 + away}) {
      for (const double gap : {kGap, kGap + 13, kGap + 31, kGap + 61}) {
        places.push_back({p.x + gap, y, p.label_width, height});
        places.push_back({p.x - gap - p.label_width, y, p.label_width, height});
      }
      if (away >= kStep) places.push_back({p.x - p.label_width / 2, y, p.label_width, height});
    }
  }
  return places;
}

}  // namespace

std::vector<Box> place_labels(const std::vector<LabelledPoint>& points, const Box& area,
                              double label_height) {
  std::vector<Box> placed;
  for (const LabelledPoint& p : points) {
    Box best;
    double least = std::numeric_limits<double>::infinity();
    for (const Box& place : places_around(p, label_height)) {
      const double c = cost(place, p, points, placed, area);
      if (c < least) {
        least = c;
        best = place;
      }
    }
    placed.push_back(best);
  }
  return placed;
}

}  // namespace whet::report
