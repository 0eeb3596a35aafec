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

double cost(const Box& box, const std::vector<LabelledPoint>& points,
            const std::vector<Box>& placed, const Box& area) {
  double sum = 0;
  for (const Box& other : placed) sum += 20 * overlap_area(box, other);
  for (const LabelledPoint& p : points) {
    sum += 10 * overlap_area(box, mark_box(p));
    const Box across{p.x_low, p.y - 1, p.x_high - p.x_low, 2};
    const Box upright{p.x - 1, p.y_low, 2, p.y_high - p.y_low};
    sum += 4 * (overlap_area(box, across) + overlap_area(box, upright));
  }
  const double inside = overlap_area(box, area);
  return sum + 50 * (box.width * box.height - inside);
}

}  // namespace

std::vector<Box> place_labels(const std::vector<LabelledPoint>& points, const Box& area,
                              double label_height) {
  std::vector<Box> placed;
  for (const LabelledPoint& p : points) {
    const double w = p.label_width;
    const double h = label_height;
    std::vector<Box> places;
    for (double gap : {9.0, 22.0, 40.0}) {
      places.push_back({p.x + gap, p.y - h - 2, w, h});      // right, above the bar
      places.push_back({p.x + gap, p.y + 2, w, h});          // right, below it
      places.push_back({p.x - gap - w, p.y - h - 2, w, h});  // left
      places.push_back({p.x - gap - w, p.y + 2, w, h});
      places.push_back({p.x + 4, p.y - gap - h, w, h});  // further up and down
      places.push_back({p.x + 4, p.y + gap, w, h});
      places.push_back({p.x - 4 - w, p.y - gap - h, w, h});
      places.push_back({p.x - 4 - w, p.y + gap, w, h});
    }
    places.push_back({p.x - w / 2, p.y_low - h - 2, w, h});  // at the ends of the upright bar
    places.push_back({p.x - w / 2, p.y_high + 2, w, h});
    Box best;
    double least = std::numeric_limits<double>::infinity();
    for (size_t i = 0; i < places.size(); ++i) {
      const double c = cost(places[i], points, placed, area) + 3 * static_cast<double>(i);
      if (c < least) {
        least = c;
        best = places[i];
      }
    }
    placed.push_back(best);
  }
  return placed;
}

}  // namespace whet::report
