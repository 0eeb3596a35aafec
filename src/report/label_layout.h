// Places the names of points in a scatter plot so that they do not cover each other.
#pragma once

#include <vector>

namespace whet::report {

/// Pixels, origin at the top left, y downwards.
struct Box {
  double left = 0, top = 0, width = 0, height = 0;
  double right() const { return left + width; }
  double bottom() const { return top + height; }
};

struct LabelledPoint {
  double x, y;                          // centre of the mark
  double x_low, x_high, y_low, y_high;  // ends of its error bars (y downwards: y_low <= y_high)
  double label_width;
};

/// A box for each label, in order, inside `area`; greedy over places around each mark, by least
/// overlap with labels already placed, marks, error bars and the edge, then by least distance from
/// the mark. Deterministic.
std::vector<Box> place_labels(const std::vector<LabelledPoint>& points, const Box& area,
                              double label_height);

}  // namespace whet::report
