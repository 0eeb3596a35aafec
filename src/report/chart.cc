#include "report/chart.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <optional>

#include "report/chart_panel.h"
#include "report/summary.h"
#include "report/text.h"

namespace whet::report {
namespace {

constexpr int kNameColumns = 24;     // longest name in a margin
constexpr double kChartWidth = 640;  // of a single chart, pixels

struct Look {
  Mark mark;
  std::string_view colour;
};

Look look_of(const StrategyResult& s) {
  if (s.kind == StrategyKind::kBaseline) return {Mark::kDiamond, kInk};
  if (s.kind == StrategyKind::kControl) return {Mark::kDiamondOpen, kInk};
  if (!s.verdict) return {Mark::kSquare, kGrey};
  switch (s.verdict->kind) {
    case VerdictKind::kPays:
      return {Mark::kCircle, kGreen};
    case VerdictKind::kDoesNotPay:
      return {Mark::kTriangleDown, kVermilion};
    case VerdictKind::kCannotTell:
      return {Mark::kSquare, kGrey};
  }
  WHET_UNREACHABLE();
}

/// A plot must have something to draw: what was asked for, or an invisible point.
void plot(Panel& panel, const std::vector<std::string>& elements) {
  std::string line = "plot ";
  for (size_t i = 0; i < elements.size(); ++i) line += (i ? ", " : "") + elements[i];
  panel.command(elements.empty() ? "plot '-' using 1:2 with dots lc rgb '#ffffff'\n0 0\ne" : line);
}

/// Room for the names of the strategies at the left of a plot.
double name_margin(const Document& doc) {
  double widest = 40;
  for (const auto& s : doc.strategies)
    widest = std::max(widest, text_width(truncate(s.label, kNameColumns), 11));
  return widest + 14;
}

void row_name(Panel& panel, double y, const StrategyResult& s) {
  panel.text(panel.plot().left - 8, y, truncate(s.label, kNameColumns),
             {kMuted, 11, false, Align::kRight});
}

// ---- quality against cost ----------------------------------------------------------------------

struct QualityPoint {
  const StrategyResult* strategy;
  double x, x_low, x_high, y, y_low, y_high;
};

std::vector<QualityPoint> quality_points(const Document& doc) {
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

std::string left_out(const Document& doc, const std::vector<QualityPoint>& points) {
  std::string names;
  for (const auto& s : doc.strategies) {
    const bool shown = std::any_of(points.begin(), points.end(),
                                   [&](const QualityPoint& p) { return p.strategy == &s; });
    if (!shown) names += (names.empty() ? "" : ", ") + s.label;
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

void quality_panel(Panel& panel, const Document& doc) {
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
  for (const auto& p : points) {
    names.push_back(truncate(p.strategy->label, 30));
    labelled.push_back({to_x(p.x), to_y(p.y), to_x(p.x_low), to_x(p.x_high), to_y(p.y_high),
                        to_y(p.y_low), text_width(names.back(), 11)});
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
  plot(panel, elements);
}

// ---- horizontal bars ---------------------------------------------------------------------------

/// Canvas height of the middle of row `row` (bar_frame's range is 0.6 above it to 0.6 below).
double row_middle(const Panel& panel, size_t n_rows, size_t row) {
  const Box& area = panel.plot();
  return area.top + area.height * (static_cast<double>(row) + 0.6) /
                        (static_cast<double>(std::max<size_t>(n_rows, 1)) + 0.2);
}

/// Names at the left, one row per strategy from top to bottom: row i has its middle at y = -i.
/// Names are labels, not tick labels, which gnuplot would read as number formats.
void bar_frame(Panel& panel, const Document& doc, double x_max, double right_margin,
               double top_margin = 4) {
  panel.frame({.left = name_margin(doc), .right = right_margin, .bottom = 28, .top = top_margin});
  for (size_t i = 0; i < doc.strategies.size(); ++i)
    row_name(panel, row_middle(panel, doc.strategies.size(), i), doc.strategies[i]);
  panel.command(
      fmt::format("set yrange [{}:0.6]",
                  -static_cast<double>(std::max<size_t>(doc.strategies.size(), 1)) + 0.4));
  panel.command(fmt::format("set xrange [0:{:.9g}]", x_max));
  panel.command("unset ytics");
  panel.command("unset grid");
  panel.command(fmt::format("set grid xtics lt 1 lc rgb '{}' lw 1", kGrid));
}

/// Text beside the bar of row `row` whose end is at `x`.
void bar_text(Panel& panel, size_t n_rows, double x_max, size_t row, double x,
              std::string_view text) {
  const Box& area = panel.plot();
  panel.text(area.left + area.width * x / x_max + 7, row_middle(panel, n_rows, row), text,
             {kInk, 11});
}

/// Elements of a bar from `from` to `to` per row; rows without a value are left out.
struct Bar {
  size_t row;
  double from, to;
  double height = 0.3;
};
std::string bars(Panel& panel, const char* name, const std::vector<Bar>& list,
                 std::string_view colour) {
  std::string block = fmt::format("${} << EOD\n", name);
  for (const auto& b : list) {
    const double y = -static_cast<double>(b.row);
    block += fmt::format("{:.9g} {:.9g} {:.9g} {:.9g} {:.9g} {:.9g}\n", b.to, y, b.from, b.to,
                         y - b.height, y + b.height);
  }
  panel.command(block + "EOD");
  return fmt::format("${} using 1:2:3:4:5:6 with boxxyerror lc rgb '{}'", name, colour);
}

void latency_panel(Panel& panel, const Document& doc) {
  panel.legend({{Mark::kSquare, kMidBlue, "median"},
                {Mark::kLine, kInk, "its interval"},
                {Mark::kDiamond, kOrange, "95th percentile"}});
  double x_max = 0;
  for (const auto& s : doc.strategies) {
    if (!s.latency_s) continue;
    x_max = std::max({x_max, s.latency_s->median.value, s.latency_s->p95.value_or(0)});
    if (s.latency_s->median.interval) x_max = std::max(x_max, s.latency_s->median.interval->high);
  }
  if (x_max <= 0) x_max = 1;
  x_max *= 1.05;
  bar_frame(panel, doc, x_max, 104, 18);
  panel.linear_tics('x', 0, x_max, 5, 0, " s");

  // The numbers stand in two columns at the right, clear of bars and diamonds.
  const TextStyle head{kMuted, 10, false, Align::kRight};
  const TextStyle figure{kInk, 11, false, Align::kRight};
  const double median_column = panel.plot().right() + 52;
  const double p95_column = panel.plot().right() + 98;
  panel.text(median_column, panel.plot().top - 8, "median", head);
  panel.text(p95_column, panel.plot().top - 8, "p95", head);
  std::vector<Bar> medians;
  std::string whiskers = "$whiskers << EOD\n", high = "$p95 << EOD\n";
  bool any_whisker = false, any_p95 = false;
  for (size_t i = 0; i < doc.strategies.size(); ++i) {
    const auto& latency = doc.strategies[i].latency_s;
    const auto median = latency ? std::optional(latency->median.value) : std::nullopt;
    const auto p95 = latency ? latency->p95 : std::nullopt;
    const double y = row_middle(panel, doc.strategies.size(), i);
    panel.text(median_column, y, format_number(median), figure);
    panel.text(p95_column, y, format_number(p95), figure);
    if (!latency) continue;
    medians.push_back({i, 0, *median});
    if (const auto& interval = latency->median.interval) {
      whiskers +=
          fmt::format("{:.9g} -{} {:.9g} {:.9g}\n", *median, i, interval->low, interval->high);
      any_whisker = true;
    }
    if (p95) {
      high += fmt::format("{:.9g} -{}\n", *p95, i);
      any_p95 = true;
    }
  }
  panel.command(whiskers + "EOD");
  panel.command(high + "EOD");
  std::vector<std::string> elements;
  if (!medians.empty()) elements.push_back(bars(panel, "medians", medians, kMidBlue));
  if (any_whisker)
    elements.push_back(
        fmt::format("$whiskers using 1:2:3:4 with xerrorbars pt 7 ps 0 lw 1.6 lc rgb '{}'", kInk));
  if (any_p95)
    elements.push_back(fmt::format("$p95 using 1:2 with points pt 13 ps 1.1 lc rgb '{}'", kOrange));
  plot(panel, elements);
}

void tokens_panel(Panel& panel, const Document& doc) {
  panel.legend({{Mark::kSquare, kSky, "prompt"}, {Mark::kSquare, kBlue, "completion"}});
  double x_max = 0;
  for (const auto& s : doc.strategies)
    x_max = std::max(
        x_max, s.prompt_tokens.per_task.value_or(0) + s.completion_tokens.per_task.value_or(0));
  if (x_max <= 0) x_max = 1;
  x_max *= 1.04;
  bar_frame(panel, doc, x_max, 56);
  panel.linear_tics('x', 0, x_max, 5, 0);
  std::vector<Bar> prompt, completion;
  for (size_t i = 0; i < doc.strategies.size(); ++i) {
    const auto& s = doc.strategies[i];
    const double p = s.prompt_tokens.per_task.value_or(0);
    const double c = s.completion_tokens.per_task.value_or(0);
    if (s.prompt_tokens.per_task) prompt.push_back({i, 0, p});
    if (s.completion_tokens.per_task) completion.push_back({i, p, p + c});
    const bool any = s.prompt_tokens.per_task || s.completion_tokens.per_task;
    bar_text(panel, doc.strategies.size(), x_max, i, p + c,
             any ? format_count(static_cast<int64_t>(p + c + 0.5)) : std::string(kMissing));
  }
  std::vector<std::string> elements;
  if (!prompt.empty()) elements.push_back(bars(panel, "prompt", prompt, kSky));
  if (!completion.empty()) elements.push_back(bars(panel, "completion", completion, kBlue));
  plot(panel, elements);
}

void memory_panel(Panel& panel, const Document& doc) {
  panel.legend(
      {{Mark::kSquare, kSky, "peak resident set"}, {Mark::kSquare, kBlue, "of it KV cache"}});
  constexpr double kGiB = 1 << 30;
  double x_max = 0;
  for (const auto& s : doc.strategies)
    x_max = std::max(x_max, static_cast<double>(s.peak_rss_bytes.value_or(0)) / kGiB);
  if (x_max <= 0) x_max = 1;
  x_max *= 1.04;
  bar_frame(panel, doc, x_max, 66);
  panel.linear_tics('x', 0, x_max, 5, 0, " GiB");
  std::vector<Bar> resident, kv;
  for (size_t i = 0; i < doc.strategies.size(); ++i) {
    const auto& s = doc.strategies[i];
    const double rss = static_cast<double>(s.peak_rss_bytes.value_or(0)) / kGiB;
    if (s.peak_rss_bytes) resident.push_back({i, 0, rss});
    if (s.kv_bytes && s.peak_rss_bytes)
      kv.push_back({i, 0, std::min(rss, static_cast<double>(*s.kv_bytes) / kGiB)});
    bar_text(panel, doc.strategies.size(), x_max, i, rss, format_bytes(s.peak_rss_bytes));
  }
  std::vector<std::string> elements;
  if (!resident.empty()) elements.push_back(bars(panel, "resident", resident, kSky));
  if (!kv.empty()) elements.push_back(bars(panel, "kv", kv, kBlue));
  plot(panel, elements);
}

// ---- accuracy by family ------------------------------------------------------------------------

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

void families_panel(Panel& panel, const Document& doc) {
  const size_t n_families = std::max<size_t>(doc.families.size(), 1);
  const size_t n_rows = std::max<size_t>(doc.strategies.size(), 1);
  panel.frame({.left = name_margin(doc), .right = 6, .bottom = 30});
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
    row_name(panel, area.top + cell_height * (static_cast<double>(i) + 0.5), doc.strategies[i]);
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
  plot(panel, elements);
}

void single_panel(Panel& panel, const Document& doc, Chart chart) {
  switch (chart) {
    case Chart::kQualityCost:
      return quality_panel(panel, doc);
    case Chart::kFamilies:
      return families_panel(panel, doc);
    case Chart::kLatency:
      return latency_panel(panel, doc);
    case Chart::kTokens:
      return tokens_panel(panel, doc);
    case Chart::kMemory:
      return memory_panel(panel, doc);
    case Chart::kDashboard:
      break;
  }
  WHET_UNREACHABLE();
}

std::string terminal_line(const Canvas& canvas, PictureFormat format) {
  if (format == PictureFormat::kSvg) {
    return fmt::format(
        "set terminal svg noenhanced size {},{} font 'DejaVu Sans,12' background '{}'\n",
        canvas.width, canvas.height, kPaper);
  }
  constexpr double kScale = 2;  // pixels of the file per pixel of the layout
  return fmt::format(
      "set terminal pngcairo noenhanced size {},{} font 'DejaVu Sans,{}' fontscale {} linewidth {} "
      "pointscale {} background '{}'\n",
      canvas.width * kScale, canvas.height * kScale, 12, kScale * 0.75, kScale, kScale, kPaper);
}

std::string single_script(const Document& doc, Chart chart, const ChartOptions& options) {
  const double n_rows = static_cast<double>(std::max<size_t>(doc.strategies.size(), 2));
  double height = chart == Chart::kQualityCost ? 400
                  : chart == Chart::kFamilies  ? 60 + 36 * n_rows
                                               : 70 + 28 * n_rows;
  if (options.with_title) height += 28;
  const Canvas canvas{kChartWidth, std::round(height)};
  std::string script = terminal_line(canvas, options.format);
  Panel panel(script, canvas, {12, 10, canvas.width - 24, canvas.height - 16});
  if (options.with_title) panel.title(chart_title(chart));
  single_panel(panel, doc, chart);
  return script;
}

std::string dashboard_script(const Document& doc, const ChartOptions& options) {
  const double rows = static_cast<double>(std::max<size_t>(doc.strategies.size(), 4));
  const double top = 96, upper = 430, lower = 90 + 27 * rows, gap = 30, edge = 26;
  const Canvas canvas{1600, std::round(top + upper + gap + lower + 14)};
  std::string script = terminal_line(canvas, options.format) + "set multiplot\n";

  const double half = (canvas.width - 2 * edge - gap) / 2;
  const double third = (canvas.width - 2 * edge - 2 * gap) / 3;
  struct Place {
    Chart chart;
    Box box;
  };
  const double second_row = top + upper + gap;
  const Place places[] = {
      {Chart::kQualityCost, {edge, top, half, upper}},
      {Chart::kFamilies, {edge + half + gap, top, half, upper}},
      {Chart::kLatency, {edge, second_row, third, lower}},
      {Chart::kTokens, {edge + third + gap, second_row, third, lower}},
      {Chart::kMemory, {edge + 2 * (third + gap), second_row, third, lower}},
  };
  bool first = true;
  for (const auto& [chart, box] : places) {
    Panel panel(script, canvas, box);
    if (first) {  // the heading is drawn with the first panel
      panel.text(edge, 28, truncate(doc.title.empty() ? "Results" : doc.title, 100),
                 {kInk, 20, true});
      const auto sentences = headline(doc);
      panel.text(edge, 54, truncate(sentences.front(), 190), {kInk, 13});
      panel.text(edge, 74, truncate(setting(doc), 200), {kMuted, 11});
    }
    first = false;
    panel.title(chart_title(chart));
    single_panel(panel, doc, chart);
  }
  return script + "unset multiplot\n";
}

}  // namespace

std::vector<Chart> single_charts() {
  return {Chart::kQualityCost, Chart::kFamilies, Chart::kLatency, Chart::kTokens, Chart::kMemory};
}

std::string_view chart_name(Chart chart) {
  switch (chart) {
    case Chart::kQualityCost:
      return "quality-cost";
    case Chart::kFamilies:
      return "families";
    case Chart::kLatency:
      return "latency";
    case Chart::kTokens:
      return "tokens";
    case Chart::kMemory:
      return "memory";
    case Chart::kDashboard:
      return "dashboard";
  }
  WHET_UNREACHABLE();
}

std::string_view chart_title(Chart chart) {
  switch (chart) {
    case Chart::kQualityCost:
      return "Quality against cost";
    case Chart::kFamilies:
      return "Accuracy by family";
    case Chart::kLatency:
      return "Latency per task";
    case Chart::kTokens:
      return "Tokens per task";
    case Chart::kMemory:
      return "Peak memory";
    case Chart::kDashboard:
      return "Dashboard";
  }
  WHET_UNREACHABLE();
}

std::string_view chart_caption(Chart chart) {
  switch (chart) {
    case Chart::kQualityCost:
      return "Up is more accurate, left is faster. The dotted line is the baseline's accuracy. "
             "Bars "
             "are intervals of each row by itself; because all strategies saw the same tasks, "
             "differences are known more sharply than overlapping bars suggest, so judge by the "
             "column \u201cAgainst baseline\u201d.";
    case Chart::kFamilies:
      return "Share of runs graded correct, by kind of task, with its interval where there is "
             "room. Deeper blue is better. A dash means that no run of that kind could be graded.";
    case Chart::kLatency:
      return "From the first call to the final answer. The bar is the median over all runs, the "
             "line its interval, the diamond the 95th percentile: one run in twenty takes "
             "longer.";
    case Chart::kTokens:
      return "All tokens that a strategy spent per task, in every call and every discarded "
             "candidate, not only those of the answer.";
    case Chart::kMemory:
      return "Highest resident set of the process while the strategy ran, weights included, and "
             "the part of it that was KV cache. A dash means not measured.";
    case Chart::kDashboard:
      return "All charts on one page.";
  }
  WHET_UNREACHABLE();
}

std::string chart_script(const Document& doc, Chart chart, const ChartOptions& options) {
  return chart == Chart::kDashboard ? dashboard_script(doc, options)
                                    : single_script(doc, chart, options);
}

}  // namespace whet::report
