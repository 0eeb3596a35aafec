#include "report/html.h"

#include <fmt/format.h>

#include "report/html_style.h"
#include "report/markup.h"
#include "report/summary.h"
#include "report/text.h"

namespace whet::report {
namespace {

constexpr int kMaxTextColumns = 8000;  // of one candidate; longer ones are cut, and say so

std::string_view pill_class(const StrategyResult& s) {
  if (!s.verdict) return "pill plain";
  switch (s.verdict->label) {
    case VerdictLabel::kPays:
      return "pill pays";
    case VerdictLabel::kDoesNotPay:
      return "pill not";
    case VerdictLabel::kNoDifference:
      return "pill plain";
    case VerdictLabel::kCannotTell:
      return "pill";
  }
  WHET_UNREACHABLE();
}

/// "0.71 [0.62, 0.79]" with the interval in a lighter voice.
std::string number_html(const std::string& text) {
  const size_t bracket = text.find(" [");
  if (bracket == std::string::npos) return escape_html(text);
  return escape_html(text.substr(0, bracket)) + " <span class=\"i\">" +
         escape_html(text.substr(bracket + 1)) + "</span>";
}

/// Columns of a rank are hidden where the page is narrow.
const char* number_class(const Table::Column& column) {
  return column.rank > 0 ? " class=\"n wide\"" : " class=\"n\"";
}

std::string table_html(const Table& table, std::string_view name) {
  std::string out = fmt::format(
      "<div class=\"scroll\" role=\"region\" tabindex=\"0\" aria-label=\"{}\"><table><thead><tr>",
      escape_html(name));
  for (size_t c = 0; c < table.columns.size(); ++c) {
    const std::string& heading = table.columns[c].name;
    const std::string& unit = table.columns[c].unit;
    const bool number = !table.rows.empty() && table.rows[0].cells[c].is_number;
    out += fmt::format("<th scope=\"col\"{}>{}", number ? number_class(table.columns[c]) : "",
                       escape_html(heading));
    if (!unit.empty()) out += "<small>" + escape_html(unit) + "</small>";
    out += "</th>";
  }
  out += "</tr></thead><tbody>\n";
  for (const auto& row : table.rows) {
    out += fmt::format("<tr class=\"{}\">", strategy_kind_name(row.strategy->kind));
    for (size_t c = 0; c < row.cells.size(); ++c) {
      const Cell& cell = row.cells[c];
      if (c == 0) {
        out += "<th scope=\"row\">" + escape_html(cell.text) + "</th>";
      } else if (cell.is_number) {
        out += fmt::format("<td{}>{}</td>", number_class(table.columns[c]), number_html(cell.text));
      } else {
        out += fmt::format("<td><span class=\"{}\">{}</span></td>", pill_class(*row.strategy),
                           escape_html(cell.text));
      }
    }
    out += "</tr>\n";
  }
  return out + "</tbody></table></div>\n";
}

std::string notes_html(const std::vector<std::string>& lines, std::string_view heading) {
  if (lines.empty()) return "";
  std::string out = fmt::format("<div class=\"caveats\"><strong>{}</strong><ul class=\"notes\">\n",
                                escape_html(heading));
  for (const auto& line : lines) out += "<li>" + escape_html(line) + "</li>\n";
  return out + "</ul></div>\n";
}

std::string header_html(const Report& doc) {
  std::string out = "<header>\n<h1>" + escape_html(doc.title) + "</h1>\n";
  out += notes_html(warnings(doc), "Before you rely on this");
  const auto sentences = headline(doc);
  for (size_t i = 0; i < sentences.size(); ++i)
    out += fmt::format("<p class=\"{}\">{}</p>\n", i == 0 ? "headline" : "more",
                       escape_html(sentences[i]));
  std::string about = setting(doc);
  if (!doc.created.empty()) about += (about.empty() ? "" : "; ") + doc.created;
  return out + "<p class=\"muted\">" + escape_html(about) + "</p>\n</header>\n";
}

std::string comparison_html(const Report& doc) {
  std::string out = "<section>\n<h2>Comparison</h2>\n";
  out += table_html(comparison_table(doc), "Comparison of strategies");
  std::string why;
  for (const auto& s : doc.strategies) {
    if (!s.verdict || s.verdict->reason.empty()) continue;
    why += fmt::format("<li><span class=\"{}\">{}</span><strong>{}</strong>: {}</li>\n",
                       pill_class(s), escape_html(verdict_text(s)), escape_html(s.title()),
                       escape_html(s.verdict->reason));
  }
  if (!why.empty()) out += "<ul class=\"why\">\n" + why + "</ul>\n";
  out += "<p class=\"muted\">" + escape_html(table_legend(doc)) +
         " A dash means not measured. A narrow page "
         "leaves columns out; report.csv has them all.</p>\n";
  out += notes_html(remarks(doc), "Notes");
  return out + "</section>\n";
}

std::string charts_html(const HtmlOptions& options) {
  if (options.charts.empty() && options.charts_missing.empty()) return "";
  std::string out = "<section>\n<h2>Charts</h2>\n";
  if (!options.charts_missing.empty())
    out +=
        "<p class=\"muted\">Charts are missing: " + escape_html(options.charts_missing) + "</p>\n";
  out += "<div class=\"charts\">\n";
  for (const auto& [chart, svg] : options.charts) {
    const std::string_view name = chart_name(chart);
    out += fmt::format(
        "<figure id=\"{}\"><h3>{}</h3><div class=\"picture\">{}</div><figcaption>{}</figcaption>"
        "</figure>\n",
        name, escape_html(chart_title(chart)),
        svg_for_html(svg, fmt::format("{}-", name), chart_title(chart)),
        escape_html(chart_caption(chart)));
  }
  return out + "</div>\n</section>\n";
}

std::string families_html(const Report& doc) {
  if (doc.families.empty()) return "";
  return "<section>\n<h2>Accuracy by family</h2>\n" +
         table_html(family_table(doc), "Accuracy by family of tasks") + "</section>\n";
}

std::string block(std::string_view label, const std::string& text) {
  if (text.empty()) return "";
  const std::string cut = truncate(printable(text), kMaxTextColumns);
  return fmt::format("<p class=\"label\">{}</p><pre>{}</pre>", escape_html(label),
                     escape_html(cut));
}

std::string candidate_html(const results::Candidate& c, size_t index) {
  std::string facts = fmt::format("Candidate {}", index + 1);
  auto add = [&](const std::string& fact) {
    if (!fact.empty()) facts += " \u00b7 " + fact;
  };
  add(c.stage.value_or(""));
  add(format_count(c.tokens) + " tokens");
  add("finish: " + c.finish);
  if (c.score) add("score " + format_number(c.score));
  if (c.logprob) add(fmt::format("log-probability per token {:.3f}", *c.logprob));
  add(c.answer ? "answer: " + truncate(one_line(*c.answer), 120) : "no answer found");
  if (!c.eligible) add("not eligible" + (c.reason ? ": " + *c.reason : ""));
  std::string out = fmt::format("<div class=\"candidate{}\"><p>{}{}</p>", c.chosen ? " chosen" : "",
                                c.chosen ? "<strong>Chosen.</strong> " : "", escape_html(facts));
  if (c.chosen && c.reason) out += "<p>" + escape_html(*c.reason) + "</p>";
  return out + "<pre>" + escape_html(truncate(c.text, kMaxTextColumns)) + "</pre></div>\n";
}

std::string trace_html(const Trace& e) {
  const char* mark =
      e.grade == eval::GradeStatus::kCorrect ? "<span class=\"mark ok\">\u2713</span>"
      : e.grade == eval::GradeStatus::kWrong ? "<span class=\"mark bad\">\u2717</span>"
                                             : "<span class=\"mark\">\u2013</span>";
  const char* word = e.grade == eval::GradeStatus::kCorrect ? "correct"
                     : e.grade == eval::GradeStatus::kWrong ? "wrong"
                                                            : "not graded";
  std::string facts = word;
  if (!e.family.empty()) facts += " \u00b7 " + e.family;
  if (e.differs_from_baseline) facts += " \u00b7 the baseline's run went otherwise";
  facts += fmt::format(" \u00b7 seed {} \u00b7 {}", e.seed, format_duration_s(e.latency_s()));
  facts += fmt::format(" \u00b7 {} + {} tokens", format_count(e.prompt_tokens),
                       format_count(e.completion_tokens));
  std::string out = fmt::format(
      "<details><summary>{}{} <span class=\"muted\">{}</span></summary><div class=\"trace\">", mark,
      escape_html(e.task), escape_html(facts));
  out += block("Question", e.question) + block("Expected", e.reference.value_or("")) +
         block("Final answer", e.answer.value_or("")) + block("Error", e.error.value_or(""));
  if (!e.grade_detail.empty())
    out += "<p class=\"label\">Grade: " + escape_html(e.grade_detail) + "</p>\n";
  for (const results::SkippedStage& s : e.skipped) out += block("Left out: " + s.stage, s.reason);
  for (size_t i = 0; i < e.candidates.size(); ++i) out += candidate_html(e.candidates[i], i);
  return out + "</div></details>\n";
}

std::string traces_html(const Report& doc, int limit) {
  std::string body;
  for (const auto& s : doc.strategies) {
    std::string traces;
    int n_shown = 0, n_known = 0;
    for (const auto& e : doc.traces) {
      if (e.strategy != s.name) continue;
      ++n_known;
      if (n_shown < limit) {
        traces += trace_html(e);
        ++n_shown;
      }
    }
    if (n_known == 0) continue;
    const int64_t n_all = std::max<int64_t>(n_known, s.n_runs.value_or(0));
    body += fmt::format(
        "<details><summary><strong>{}</strong> <span "
        "class=\"muted\">{}</span></summary>{}</details>\n",
        escape_html(s.title()),
        n_shown < n_all ? fmt::format("{} of {} runs, those that differ from the baseline first",
                                      n_shown, format_count(n_all))
                        : fmt::format("{} runs", n_shown),
        traces);
  }
  if (body.empty()) return "";
  return "<section>\n<h2>Traces</h2>\n<p class=\"muted\">What the model was asked and what it "
         "wrote. Open a strategy, then a run; the chosen candidate has a coloured edge.</p>\n"
         "<div class=\"traces\">\n" +
         body + "</div>\n</section>\n";
}

std::string environment_html(const Report& doc, const std::string& files) {
  std::string out = "<section>\n<h2>How this was measured</h2>\n";
  if (!doc.command.empty())
    out += "<p class=\"label\">Command</p><pre>" + escape_html(command_line(doc)) + "</pre>\n";
  out += "<div class=\"facts\">\n";
  for (const auto& group : facts_of(doc)) {
    out += "<div><h3>" + escape_html(group.heading) + "</h3><dl>";
    for (const auto& [name, value] : group.facts)
      out += "<dt>" + escape_html(name) + "</dt><dd>" + escape_html(value) + "</dd>";
    out += "</dl></div>\n";
  }
  std::string options;
  for (const auto& s : doc.strategies) {
    if (s.options.empty()) continue;
    std::string list;
    for (const auto& [name, value] : s.options)
      list += (list.empty() ? "" : ", ") + name + " = " + value;
    options += "<dt>" + escape_html(s.title()) + "</dt><dd>" + escape_html(list) + "</dd>";
  }
  if (!options.empty()) out += "<div><h3>Strategy options</h3><dl>" + options + "</dl></div>\n";
  out += "</div>\n";
  if (!files.empty()) out += "<footer>" + escape_html(files) + "</footer>\n";
  return out + "</section>\n";
}

}  // namespace

std::string render_html(const Report& doc, const HtmlOptions& options) {
  std::string out =
      "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
      "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
      "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; "
      "style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'\">\n"
      "<meta name=\"referrer\" content=\"no-referrer\">\n";
  out += "<title>" + escape_html(doc.title.empty() ? "Results" : doc.title) + "</title>\n<style>";
  out += kHtmlStyle;
  out += "</style>\n</head>\n<body>\n<main>\n";
  out += header_html(doc);
  out += comparison_html(doc);
  out += charts_html(options);
  out += families_html(doc);
  out += traces_html(doc, options.max_traces_per_strategy);
  out += environment_html(doc, options.files);
  return out + "</main>\n</body>\n</html>\n";
}

}  // namespace whet::report
