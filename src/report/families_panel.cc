#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "report/result_panels.h"
#include "report/text.h"

namespace whet::report {
namespace {

/// White to blue, even in lightness; `share` in [0,1].
std::string heat_colour(double share) {
  constexpr double kLow[] = {0xf1, 0xf6, 0xfb};
  constexpr double kMiddle[] = {0x7f, 0xb5, 0xdd};
  constexpr double kHigh[] = {0x0b, 0x4f, 0x8a};
  share = std::clamp(share, 0.0, 1.0);
  int rgb[3];
  for (int i = 0; i < 3; ++i) {
    const double* from = share < 0.5 ? kLow : kMiddle;
    const double* to = share < 0.5 ? kMiddle : kHigh;
    const double t = share < 0.5 ? 2 * share : 2 * share - 1;
    rgb[i] = static_cast<int>(std::lround(from[i] + t * (to[i] - from[i])));
  }
  return fmt::format("#{:02x}{:02x}{:02x}", rgb[0], rgb[1], rgb[2]);
}

}  // namespace

void families_panel(Panel& panel, const Report& doc) {
  const size_t n_families = std::max<size_t>(doc.families.size(), 1);
  const size_t n_rows = std::max<size_t>(doc.strategies.size(), 1);
  const std::vector<std::string> names = row_names(doc);
  panel.frame({.left = name_margin(names), .right = 6, .bottom = 30});
  const Box& area = panel.plot();
  const double cell_width = area.width / static_cast<double>(n_families);
  const double cell_height = area.height / static_cast<double>(n_rows);
  panel.command("unset grid");
  panel.command("unset xtics");
  panel.command("unset ytics");
  panel.command(fmt::format("set xrange [-0.5:{}]", static_cast<double>(n_families) - 0.5));
  panel.command(fmt::format("set yrange [{}:0.5]", 0.5 - static_cast<double>(n_rows)));
  const int fitting = std::max(4, static_cast<int>(cell_width / 6.4));
  for (size_t f = 0; f < doc.families.size(); ++f) {
    panel.text(area.left + cell_width * (static_cast<double>(f) + 0.5), area.bottom() + 16,
               truncate(doc.families[f], fitting), {kMuted, 10.5, false, Align::kCentre});
  }
  std::string cells = "$cells << EOD\n";
  bool any = false;
  for (size_t i = 0; i < doc.strategies.size(); ++i) {
    row_name(panel, area.top + cell_height * (static_cast<double>(i) + 0.5), names[i]);
    for (size_t f = 0; f < doc.families.size(); ++f) {
      const double x = area.left + cell_width * (static_cast<double>(f) + 0.5);
      const double y = area.top + cell_height * (static_cast<double>(i) + 0.5);
      const auto& families = doc.strategies[i].families;
      const auto result = std::find_if(families.begin(), families.end(),
                                       [&](const auto& r) { return r.family == doc.families[f]; });
      if (result == families.end() || !result->accuracy) {
        panel.text(x, y, kMissing, {kMuted, 11.5, false, Align::kCentre});
        continue;
      }
      const double value = result->accuracy->value;
      const std::string colour = heat_colour(value);
      cells += fmt::format("{} -{} 0x{}\n", f, i, colour.substr(1));
      any = true;
      // "#1f2329" is ink that stays dark on a dark page: it stands on a light cell.
      const std::string_view ink = value > 0.6 ? kPaper : "#1f2329";
      const bool wide = cell_width > 88 && cell_height > 30 && result->accuracy->interval;
      panel.text(x, wide ? y - 6 : y, fmt::format("{:.2f}", value),
                 {ink, 12, false, Align::kCentre});
      if (wide) {
        panel.text(x, y + 8,
                   fmt::format("{:.2f}\u2013{:.2f}", result->accuracy->interval->low,
                               result->accuracy->interval->high),
                   {ink, 9, false, Align::kCentre});
      }
    }
  }
  panel.command(cells + "EOD");
  std::vector<std::string> elements;
  if (any) {
    elements.push_back(fmt::format(
        "$cells using 1:2:($1-0.5+{0:.6f}):($1+0.5-{0:.6f}):($2-0.5+{1:.6f}):($2+0.5-{1:.6f}):3 "
        "with boxxyerror lc rgb variable",
        1.0 / cell_width, 1.0 / cell_height));
  }
  panel.draw(elements);
}

}  // namespace whet::report
