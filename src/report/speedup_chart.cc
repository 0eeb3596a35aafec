#include "report/speedup_chart.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "report/chart_panel.h"
#include "report/text.h"

namespace whet::report {
namespace {

constexpr double kWidth = 640, kLeastNameWidth = 110, kRowHeight = 28, kNameSize = 12;
constexpr int kNameLetters = 40;

}  // namespace

std::string speedup_script(const SpeedupText& text, const std::vector<SpeedupRow>& rows,
                           PictureFormat format) {
  const auto n_rows = static_cast<double>(std::max<size_t>(rows.size(), 1));
  const Canvas canvas{kWidth, std::round(130 + kRowHeight * n_rows)};
  std::string script = terminal_line(canvas, format);
  Panel panel(script, canvas, {12, 10, canvas.width - 24, canvas.height - 16});
  panel.title(text.title);
  std::vector<Panel::LegendEntry> legend = {{Mark::kSquare, kMidBlue, text.value},
                                            {Mark::kLine, kInk, "95 % interval"}};
  if (std::ranges::any_of(rows, [](const SpeedupRow& row) { return row.predicted.has_value(); })) {
    legend.push_back({Mark::kDiamond, kOrange, "predicted"});
  }
  panel.legend(legend);
  panel.footnote(text.subtitle);
  std::vector<std::string> names;
  for (const SpeedupRow& row : rows) names.push_back(row.name);
  names = truncate_names(names, kNameLetters);
  double most = 1, name_width = kLeastNameWidth;
  for (const std::string& name : names) {
    name_width = std::max(name_width, 16 + text_width(name, kNameSize));
  }
  for (const SpeedupRow& row : rows) {
    most = std::max({most, row.value, row.high.value_or(0), row.predicted.value_or(0)});
  }
  most *= 1.08;
  panel.frame({.left = name_width, .right = 60, .bottom = 28});
  const Box& plot = panel.plot();
  std::string bars = "$bars << EOD\n", whiskers = "$whiskers << EOD\n",
              predicted = "$predicted << EOD\n";
  bool any_whisker = false, any_predicted = false;
  for (size_t i = 0; i < rows.size(); ++i) {
    const SpeedupRow& row = rows[i];
    const auto y = static_cast<double>(i);
    const double middle = plot.top + plot.height * (y + 0.6) / (n_rows + 0.2);
    panel.text(plot.left - 8, middle, names[i], {kInk, kNameSize, false, Align::kRight});
    panel.text(plot.right() + 52, middle, fmt::format("{:.2f}", row.value),
               {kInk, 11, false, Align::kRight});
    bars += fmt::format("{:.9g} {:.9g} 0 {:.9g} {:.9g} {:.9g}\n", row.value, -y, row.value,
                        -y - 0.3, -y + 0.3);
    if (row.low && row.high) {
      whiskers += fmt::format("{:.9g} {:.9g} {:.9g} {:.9g}\n", row.value, -y, *row.low, *row.high);
      any_whisker = true;
    }
    if (row.predicted) {
      predicted += fmt::format("{:.9g} {:.9g}\n", *row.predicted, -y);
      any_predicted = true;
    }
  }
  panel.command(bars + "EOD");
  panel.command(whiskers + "EOD");
  panel.command(predicted + "EOD");
  panel.command(fmt::format("set yrange [{}:0.6]", -n_rows + 0.4));
  panel.command(fmt::format("set xrange [0:{:.9g}]", most));
  panel.command("unset ytics");
  panel.command(fmt::format("set grid xtics lt 1 lc rgb '{}' lw 1", kGrid));
  panel.command(fmt::format(
      "set arrow from first 1, graph 0 to first 1, graph 1 nohead dt 3 lc rgb '{}' front", kInk));
  panel.linear_tics('x', 0, most, 6, 1, "\u00d7");
  std::vector<std::string> elements;
  if (!rows.empty()) {
    elements.push_back(
        fmt::format("$bars using 1:2:3:4:5:6 with boxxyerror lc rgb '{}'", kMidBlue));
  }
  if (any_whisker) {
    elements.push_back(
        fmt::format("$whiskers using 1:2:3:4 with xerrorbars pt 0 lw 1.5 lc rgb '{}'", kInk));
  }
  if (any_predicted) {
    elements.push_back(fmt::format("$predicted using 1:2 with points pt {} ps 0.9 lc rgb '{}'",
                                   static_cast<int>(Mark::kDiamond), kOrange));
  }
  panel.draw(elements);
  return script;
}

Result<std::string> render_speedups(const SpeedupText& text, const std::vector<SpeedupRow>& rows,
                                    const GnuplotOptions& gnuplot) {
  return render_picture(speedup_script(text, rows, PictureFormat::kSvg), PictureFormat::kSvg,
                        "chart of speed-ups", gnuplot);
}

}  // namespace whet::report
