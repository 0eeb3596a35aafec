#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <optional>

#include "report/result_panels.h"
#include "report/text.h"

namespace whet::report {
namespace {

/// Canvas height of the middle of row `row` (bar_frame's range is 0.6 above it to 0.6 below).
double row_middle(const Panel& panel, size_t n_rows, size_t row) {
  const Box& area = panel.plot();
  return area.top + area.height * (static_cast<double>(row) + 0.6) /
                        (static_cast<double>(std::max<size_t>(n_rows, 1)) + 0.2);
}

/// Names at the left, one row per strategy from top to bottom: row i has its middle at y = -i.
/// Names are labels, not tick labels, which gnuplot would read as number formats.
void bar_frame(Panel& panel, const Report& doc, double x_max, double right_margin,
               double top_margin = 4) {
  const std::vector<std::string> names = row_names(doc);
  panel.frame({.left = name_margin(names), .right = right_margin, .bottom = 28, .top = top_margin});
  for (size_t i = 0; i < names.size(); ++i)
    row_name(panel, row_middle(panel, names.size(), i), names[i]);
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

}  // namespace

void latency_panel(Panel& panel, const Report& doc) {
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
  panel.draw(elements);
}

void tokens_panel(Panel& panel, const Report& doc) {
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
  panel.draw(elements);
}

void memory_panel(Panel& panel, const Report& doc) {
  panel.legend(
      {{Mark::kSquare, kSky, "peak resident set"}, {Mark::kSquare, kBlue, "of it KV cache"}});
  constexpr double kMiB = 1 << 20, kGiB = 1 << 30;
  double most = 0;
  for (const auto& s : doc.strategies)
    most = std::max(most, static_cast<double>(s.peak_rss_bytes.value_or(0)));
  const bool is_small = most < kGiB;  // as format_bytes() says it
  const double unit = is_small ? kMiB : kGiB;
  const double x_max = most > 0 ? 1.04 * most / unit : 1;
  bar_frame(panel, doc, x_max, 66);
  panel.linear_tics('x', 0, x_max, 5, 0, is_small ? " MiB" : " GiB");
  std::vector<Bar> resident, kv;
  for (size_t i = 0; i < doc.strategies.size(); ++i) {
    const auto& s = doc.strategies[i];
    const double rss = static_cast<double>(s.peak_rss_bytes.value_or(0)) / unit;
    if (s.peak_rss_bytes) resident.push_back({i, 0, rss});
    if (s.kv_bytes && s.peak_rss_bytes)
      kv.push_back({i, 0, std::min(rss, static_cast<double>(*s.kv_bytes) / unit)});
    bar_text(panel, doc.strategies.size(), x_max, i, rss, format_bytes(s.peak_rss_bytes));
  }
  std::vector<std::string> elements;
  if (!resident.empty()) elements.push_back(bars(panel, "resident", resident, kSky));
  if (!kv.empty()) elements.push_back(bars(panel, "kv", kv, kBlue));
  panel.draw(elements);
}

}  // namespace whet::report
