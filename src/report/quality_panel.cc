#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "base/check.h"
#include "report/gnuplot.h"
#include "report/result_panels.h"
#include "report/text.h"

namespace whet::report {
namespace {

struct Look {
  Mark mark;
  std::string_view colour;
};

Look look_of(const StrategyResult& s) {
  if (s.kind == StrategyKind::kBaseline) return {Mark::kDiamond, kInk};
  if (s.kind == StrategyKind::kControl) return {Mark::kDiamondOpen, kInk};
  if (!s.verdict) return {Mark::kSquare, kGrey};
  switch (s.verdict->label) {
    case VerdictLabel::kPays:
      return {Mark::kCircle, kGreen};
    case VerdictLabel::kDoesNotPay:
      return {Mark::kTriangleDown, kVermilion};
    case VerdictLabel::kNoDifference:
    case VerdictLabel::kCannotTell:
      return {Mark::kSquare, kGrey};
  }
  WHET_UNREACHABLE();
}

struct QualityPoint {
  const StrategyResult* strategy;
  double x, x_low, x_high, y, y_low, y_high;
};

std::vector<QualityPoint> quality_points(const Report& doc) {
  std::vector<QualityPoint> points;
  for (const auto& s : doc.strategies) {
    if (!s.accuracy) continue;
    QualityPoint p{&s, 1, 1, 1, s.accuracy->value, s.accuracy->value, s.accuracy->value};
    if (s.kind != StrategyKind::kBaseline) {
      if (!s.cost_ratio_time || s.cost_ratio_time->value <= 0) continue;
      p.x = p.x_low = p.x_high = s.cost_ratio_time->value;
      if (const auto& interval = s.cost_ratio_time->interval; interval && interval->low > 0) {
        p.x_low = interval->low;
        p.x_high = interval->high;
      }
    }
    if (s.accuracy->interval) {
      p.y_low = s.accuracy->interval->low;
      p.y_high = s.accuracy->interval->high;
    }
    points.push_back(p);
  }
  return points;
}

std::string left_out(const Report& doc, const std::vector<QualityPoint>& points) {
  std::string names;
  for (const auto& s : doc.strategies) {
    const bool shown = std::any_of(points.begin(), points.end(),
                                   [&](const QualityPoint& p) { return p.strategy == &s; });
    if (!shown) names += (names.empty() ? "" : ", ") + s.title();
  }
  return names.empty() ? "" : "Not measured: " + names;
}

void ratio_tics(Panel& panel, double low, double high) {
  std::string tics;
  for (double power = 0.001; power < 1e6; power *= 10) {
    for (double factor : {1.0, 1.5, 2.0, 3.0, 5.0, 7.0}) {
      const double at = factor * power;
      const bool fine = high / low < 6;
      if (!fine && (factor == 1.5 || factor == 7.0)) continue;
      if (at < low || at > high) continue;
      tics += fmt::format("{}{} {:.9g}", tics.empty() ? "" : ", ",
                          gnuplot_quote(fmt::format("{:g}\u00d7", at)), at);
    }
  }
  panel.command(fmt::format("set xtics noenhanced ({})", tics));
}

}  // namespace

void quality_panel(Panel& panel, const Report& doc) {
  panel.legend({{Mark::kDiamond, kInk, "baseline"},
                {Mark::kDiamondOpen, kInk, "control"},
                {Mark::kCircle, kGreen, "pays"},
                {Mark::kTriangleDown, kVermilion, "does not pay"},
                {Mark::kSquare, kGrey, "cannot tell"}});
  const auto points = quality_points(doc);
  const std::string missing = left_out(doc, points);
  if (!missing.empty()) panel.footnote(truncate(missing, 90));
  panel.frame({.left = 46, .right = 12, .bottom = 44, .top = 20});

  double x_min = 1, x_max = 1, y_min = 1, y_max = 0;
  for (const auto& p : points) {
    x_min = std::min(x_min, p.x_low);
    x_max = std::max(x_max, p.x_high);
    y_min = std::min(y_min, p.y_low);
    y_max = std::max(y_max, p.y_high);
  }
  if (points.empty()) y_min = 0, y_max = 1;
  const double spread = std::max(x_max / x_min, 1.5);
  x_min /= std::pow(spread, 0.14);
  x_max *= std::pow(spread, 0.12);
  const double pad = std::max(0.02, (y_max - y_min) * 0.06);
  y_min = std::max(0.0, y_min - pad);
  y_max = std::min(1.0, y_max + pad);

  const Box& area = panel.plot();
  panel.command("set logscale x");
  panel.command(fmt::format("set xrange [{:.9g}:{:.9g}]", x_min, x_max));
  panel.command(fmt::format("set yrange [{:.9g}:{:.9g}]", y_min, y_max));
  ratio_tics(panel, x_min, x_max);
  panel.linear_tics('y', y_min, y_max, 6, 1);
  panel.command("set border 1");
  panel.text(area.left + area.width / 2, area.bottom() + 34,
             "Time per task against the baseline, log scale (left is cheaper)",
             {kMuted, 11, false, Align::kCentre});
  panel.text(area.left - 40, area.top - 10, "Accuracy", {kMuted, 11});

  auto to_x = [&](double x) {
    return area.left + area.width * std::log(x / x_min) / std::log(x_max / x_min);
  };
  auto to_y = [&](double y) { return area.bottom() - area.height * (y - y_min) / (y_max - y_min); };
  std::vector<LabelledPoint> labelled;
  std::vector<std::string> names;
  for (const auto& p : points) names.push_back(p.strategy->title());
  names = truncate_names(names, 36);
  for (size_t i = 0; i < points.size(); ++i) {
    const auto& p = points[i];
    labelled.push_back({to_x(p.x), to_y(p.y), to_x(p.x_low), to_x(p.x_high), to_y(p.y_high),
                        to_y(p.y_low), text_width(names[i], 11)});
  }
  const auto boxes = place_labels(labelled, area, 14);
  std::vector<std::string> elements;
  for (size_t i = 0; i < points.size(); ++i) {
    const auto& p = points[i];
    const Look look = look_of(*p.strategy);
    panel.text(boxes[i].left, boxes[i].top + boxes[i].height / 2, names[i], {look.colour, 11});
    // A label that had to go far away is tied to its mark.
    const double near_x = std::clamp(labelled[i].x, boxes[i].left, boxes[i].right());
    const double near_y = std::clamp(labelled[i].y, boxes[i].top, boxes[i].bottom());
    const double away_x = std::abs(near_x - labelled[i].x);
    if (away_x > 1 && std::hypot(away_x, near_y - labelled[i].y) > 20)
      panel.line(labelled[i].x, labelled[i].y, near_x, near_y, look.colour);
    panel.command(fmt::format("$p{} << EOD\n{:.9g} {:.9g} {:.9g} {:.9g} {:.9g} {:.9g}\nEOD", i, p.x,
                              p.y, p.x_low, p.x_high, p.y_low, p.y_high));
    elements.push_back(
        fmt::format("$p{} using 1:2:3:4:5:6 with xyerrorbars pt {} ps 1.2 lw 1.3 lc rgb '{}'", i,
                    static_cast<int>(look.mark), look.colour));
    if (p.strategy->kind == StrategyKind::kBaseline) {
      panel.command(
          fmt::format("set arrow from graph 0,first {:.9g} to graph 1,first {:.9g} nohead lc rgb "
                      "'{}' dt 3 lw 1.2",
                      p.y, p.y, kInk));
    }
  }
  panel.draw(elements);
}

}  // namespace whet::report
