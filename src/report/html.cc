// The page is written in page.html.jinja; here is what it says. Every text is escaped when it is
// put into the page's data, so that the template cannot forget to.
#include "report/html.h"

#include <fmt/format.h>

#include <algorithm>
#include <ctime>
#include <nlohmann/json.hpp>

#include "base/check.h"
#include "jinja/json_value.h"
#include "jinja/template.h"
#include "report/embedded_page.h"
#include "report/markup.h"
#include "report/summary.h"
#include "report/text.h"

namespace whet::report {
namespace {

using Json = nlohmann::ordered_json;

constexpr int kMaxTextColumns = 8000;  // of one candidate; longer ones are cut, and say so

Json safe(std::string_view text) {
  return escape_html(text);
}

Json safe_lines(const std::vector<std::string>& lines) {
  Json all = Json::array();
  for (const std::string& line : lines) all.push_back(safe(line));
  return all;
}

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

/// "0.71 [0.62, 0.79]", "1.05 ± 0.02": the interval apart, for a lighter voice.
Json cell_json(const Cell& cell) {
  const size_t bracket = !cell.is_number
                             ? std::string::npos
                             : std::min(cell.text.find(" ["), cell.text.find(" \u00b1"));
  const bool has_interval = bracket != std::string::npos;
  return {{"is_number", cell.is_number},
          {"text", safe(cell.text.substr(0, bracket))},
          {"interval", has_interval ? safe(cell.text.substr(bracket + 1)) : Json("")}};
}

Json table_json(const Table& table) {
  Json columns = Json::array();
  for (size_t c = 0; c < table.columns.size(); ++c) {
    const Table::Column& column = table.columns[c];
    columns.push_back({{"name", safe(column.name)},
                       {"unit", safe(column.unit)},
                       {"is_minor", column.rank > 0},  // hidden where the page is narrow
                       {"is_number", !table.rows.empty() && table.rows[0].cells[c].is_number}});
  }
  Json rows = Json::array();
  for (const Table::Row& row : table.rows) {
    Json cells = Json::array();
    for (const Cell& cell : row.cells) cells.push_back(cell_json(cell));
    rows.push_back({{"kind", strategy_kind_name(row.strategy->kind)},
                    {"pill", pill_class(*row.strategy)},
                    {"cells", std::move(cells)}});
  }
  return {{"columns", std::move(columns)}, {"rows", std::move(rows)}};
}

/// What whet compare measured: text and speed, and under it what they cost.
Json techniques_json(const Report& doc) {
  if (doc.techniques.empty()) return Json();
  Json tables = Json::array();
  const std::vector<TechniqueColumn> columns = technique_columns(doc.techniques);
  for (const bool is_of_text : {true, false}) {
    Json heads = Json::array(
        {{{"name", "Variant"}, {"unit", ""}, {"is_minor", false}, {"is_number", false}}});
    for (const TechniqueColumn& column : columns) {
      if (column.is_of_text != is_of_text) continue;
      heads.push_back({{"name", safe(column.title)},
                       {"unit", safe(column.unit)},
                       {"is_minor", false},
                       {"is_number", true}});
    }
    Json rows = Json::array();
    for (size_t r = 0; r < doc.techniques.size(); ++r) {
      const std::string& name = doc.techniques[r].name;
      Json cells = Json::array({cell_json({name})});
      for (const TechniqueColumn& column : columns) {
        if (column.is_of_text == is_of_text) cells.push_back(cell_json({column.cells[r], true}));
      }
      rows.push_back({{"kind", name == doc.design.baseline ? "baseline" : "strategy"},
                      {"pill", ""},
                      {"cells", std::move(cells)}});
    }
    tables.push_back({{"name", is_of_text ? "Speed and text of each technique"
                                          : "Quality and memory of each technique"},
                      {"columns", std::move(heads)},
                      {"rows", std::move(rows)}});
  }
  return tables;
}

Json verdicts_json(const Report& doc) {
  Json verdicts = Json::array();
  for (const auto& s : doc.strategies) {
    if (!s.verdict || s.verdict->reason.empty()) continue;
    verdicts.push_back({{"pill", pill_class(s)},
                        {"text", safe(verdict_text(s))},
                        {"title", safe(s.title())},
                        {"reason", safe(s.verdict->reason)}});
  }
  return verdicts;
}

Json charts_json(const HtmlOptions& options) {
  Json charts = Json::array();
  for (const auto& [chart, svg] : options.charts) {
    const std::string_view name = chart_name(chart);
    charts.push_back(
        {{"name", name},
         {"title", safe(chart_title(chart))},
         {"caption", safe(chart_caption(chart))},
         {"picture_markup", svg_for_html(svg, fmt::format("{}-", name), chart_title(chart))}});
  }
  return charts;
}

Json block_json(std::string_view label, const std::string& text) {
  return {{"label", safe(label)}, {"text", safe(truncate(printable(text), kMaxTextColumns))}};
}

Json candidate_json(const results::Candidate& c, size_t index) {
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
  return {{"is_chosen", c.chosen},
          {"facts", safe(facts)},
          {"reason", safe(c.reason.value_or(""))},
          {"text", safe(truncate(c.text, kMaxTextColumns))}};
}

Json trace_json(const Trace& e) {
  const bool is_right = e.grade == eval::GradeStatus::kCorrect;
  const bool is_wrong = e.grade == eval::GradeStatus::kWrong;
  std::string facts = is_right ? "correct" : is_wrong ? "wrong" : "not graded";
  if (!e.family.empty()) facts += " \u00b7 " + e.family;
  if (e.differs_from_baseline) facts += " \u00b7 the baseline's run went otherwise";
  facts += fmt::format(" \u00b7 seed {} \u00b7 {}", e.seed, format_duration_s(e.latency_s()));
  facts += fmt::format(" \u00b7 {} + {} tokens", format_count(e.prompt_tokens),
                       format_count(e.completion_tokens));
  Json texts = {
      block_json("Question", e.question), block_json("Expected", e.reference.value_or("")),
      block_json("Final answer", e.answer.value_or("")), block_json("Error", e.error.value_or(""))};
  Json left_out = Json::array(), candidates = Json::array();
  for (const results::SkippedStage& s : e.skipped) {
    left_out.push_back(block_json("Left out: " + s.stage, s.reason));
  }
  for (size_t i = 0; i < e.candidates.size(); ++i) {
    candidates.push_back(candidate_json(e.candidates[i], i));
  }
  return {{"mark", is_right   ? "\u2713"
                   : is_wrong ? "\u2717"
                              : "\u2013"},
          {"mark_class", is_right   ? "mark ok"
                         : is_wrong ? "mark bad"
                                    : "mark"},
          {"task", safe(e.task)},
          {"facts", safe(facts)},
          {"texts", std::move(texts)},
          {"grade", safe(e.grade_detail)},
          {"left_out", std::move(left_out)},
          {"candidates", std::move(candidates)}};
}

/// Of each strategy at most `limit` runs.
Json traces_json(const Report& doc, int limit) {
  Json all = Json::array();
  for (const auto& s : doc.strategies) {
    Json runs = Json::array();
    int n_shown = 0, n_known = 0;
    for (const auto& e : doc.traces) {
      if (e.strategy != s.name) continue;
      ++n_known;
      if (n_shown < limit) {
        runs.push_back(trace_json(e));
        ++n_shown;
      }
    }
    if (n_known == 0) continue;
    const int64_t n_all = std::max<int64_t>(n_known, s.n_runs.value_or(0));
    all.push_back(
        {{"title", safe(s.title())},
         {"extent", n_shown < n_all
                        ? fmt::format("{} of {} runs, those that differ from the baseline first",
                                      n_shown, format_count(n_all))
                        : fmt::format("{} runs", n_shown)},
         {"runs", std::move(runs)}});
  }
  return all;
}

Json facts_json(const Report& doc) {
  Json groups = Json::array();
  const auto add = [&](const std::string& heading, Json facts) {
    groups.push_back({{"heading", safe(heading)}, {"facts", std::move(facts)}});
  };
  const auto fact = [](const std::string& name, const std::string& text) {
    return Json{{"name", safe(name)}, {"text", safe(text)}};
  };
  for (const auto& group : facts_of(doc)) {
    Json facts = Json::array();
    for (const auto& [name, value] : group.facts) facts.push_back(fact(name, value));
    add(group.heading, std::move(facts));
  }
  Json options = Json::array();
  for (const auto& s : doc.strategies) {
    if (s.options.empty()) continue;
    std::string list;
    for (const auto& [name, value] : s.options)
      list += (list.empty() ? "" : ", ") + name + " = " + value;
    options.push_back(fact(s.title(), list));
  }
  if (!options.empty()) add("Strategy options", std::move(options));
  return groups;
}

std::string_view page_file(std::string_view name) {
  for (const EmbeddedFile& file : embedded_page()) {
    if (file.name == name) return file.content;
  }
  WHET_UNREACHABLE();
}

const jinja::Template& page_template() {
  static const jinja::Template page =
      jinja::Template::compile(page_file("page.html.jinja")).value();
  return page;
}

}  // namespace

std::string render_html(const Report& doc, const HtmlOptions& options) {
  std::string about = setting(doc);
  if (!doc.created.empty()) about += (about.empty() ? "" : "; ") + doc.created;
  const Json page = {{"title", safe(doc.title)},
                     {"style_markup", page_file("page.css")},
                     {"warnings", safe_lines(warnings(doc))},
                     {"headline", safe_lines(headline(doc))},
                     {"about", safe(about)},
                     {"techniques", techniques_json(doc)},
                     {"techniques_legend", safe(technique_legend())},
                     {"comparison", table_json(comparison_table(doc))},
                     {"verdicts", verdicts_json(doc)},
                     {"legend", safe(table_legend(doc))},
                     {"remarks", safe_lines(remarks(doc))},
                     {"charts", charts_json(options)},
                     {"charts_missing", safe(options.charts_missing)},
                     {"families", doc.families.empty() ? Json() : table_json(family_table(doc))},
                     {"traces", traces_json(doc, options.max_traces_per_strategy)},
                     {"command", safe(doc.command.empty() ? "" : command_line(doc))},
                     {"facts", facts_json(doc)},
                     {"files", safe(options.files)}};
  jinja::Template::Variables variables;
  for (const auto& [name, value] : page.items()) {
    variables.emplace_back(name, jinja::from_json(value, /*max_depth=*/16).value());
  }
  // The template is ours, and what it says is bounded by what was measured.
  const jinja::Limits limits{.max_work = int64_t{1} << 40, .max_text_bytes = size_t{1} << 32};
  return page_template().render(variables, std::tm{}, limits).value() + "\n";  // Jinja takes it
}

}  // namespace whet::report
