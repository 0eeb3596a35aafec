#include <fmt/format.h>

#include <memory>
#include <nlohmann/json.hpp>

#include "cli/commands.h"
#include "cli/terminal.h"
#include "report/recommendation_text.h"
#include "report/terminal.h"
#include "results/document_file.h"
#include "sys/json_text.h"

namespace whet {
namespace {

using Json = nlohmann::ordered_json;

struct RecommendFlags {
  std::vector<std::string> directories;
  bool json = false, markdown = false;
};

Json to_json(const report::TaskAdvice& advice) {
  const auto or_null = [](const std::optional<double>& x) { return x ? Json(*x) : Json(nullptr); };
  const auto estimate_or_null = [](const std::optional<stats::Estimate>& e) {
    if (!e) return Json(nullptr);
    return Json{{"value", e->value},
                {"low", e->interval ? Json(e->interval->low) : Json()},
                {"high", e->interval ? Json(e->interval->high) : Json()}};
  };
  Json choices = Json::array(), cells = Json::array();
  for (const report::Choice& c : advice.choices) {
    choices.push_back({{"model", c.model},
                       {"strategy", c.strategy},
                       {"accuracy", c.accuracy.value},
                       {"low", c.accuracy.interval ? Json(c.accuracy.interval->low) : Json()},
                       {"high", c.accuracy.interval ? Json(c.accuracy.interval->high) : Json()},
                       {"seconds", c.seconds},
                       {"tokens", or_null(c.tokens)},
                       {"seconds_per_correct", or_null(c.seconds_per_correct)},
                       {"tokens_per_correct", or_null(c.tokens_per_correct)},
                       {"token_seconds_per_correct", or_null(c.token_seconds_per_correct)},
                       {"on_front", c.on_front}});
  }
  for (const report::AdviceCell& c : advice.cells) {
    cells.push_back({{"model", c.model},
                     {"most_time", or_null(c.most_time)},
                     {"advice", report::advice_name(c.advice)},
                     {"strategy", c.strategy.empty() ? Json() : Json(c.strategy)},
                     {"gain", estimate_or_null(c.gain)},
                     {"time_ratio", estimate_or_null(c.time_ratio)},
                     {"why", c.why}});
  }
  return {{"tasks", advice.tasks}, {"choices", std::move(choices)}, {"cells", std::move(cells)}};
}

int run_recommend(const RecommendFlags& options) {
  if (options.json && options.markdown) {
    return fail(Error(ErrorCode::kInvalidArgument, "give --json or --markdown, not both"));
  }
  std::vector<report::Report> reports;
  for (const std::string& directory : options.directories) {
    auto document = results::load_document(directory);
    if (!document.ok()) return fail(document.error());
    reports.push_back(report::make_report(std::move(document).value()));
  }
  const auto advice = report::recommend(reports);
  if (!options.json) {
    fmt::print("{}", options.markdown
                         ? report::recommendation_markdown(advice)
                         : report::recommendation_terminal(advice, report::stdout_width()));
    return 0;
  }
  Json all = Json::array();
  for (const report::TaskAdvice& a : advice) all.push_back(to_json(a));
  fmt::print("{}\n", json_text(Json{{"schema", "whet-recommend/1"}, {"tasks", all}}, 1));
  return 0;
}

}  // namespace

Command make_recommend_command() {
  auto options = std::make_shared<RecommendFlags>();
  Command command("recommend", "What to use for which tasks and time, derived from results");
  command.add("DIRECTORY", &options->directories, "of whet eval, or its results.json").required();
  command.add("--markdown", &options->markdown, "as Markdown tables");
  command.add("--json", &options->json, "as JSON");
  command.footer(
      "Results on the same tasks are compared: several models, types and temperatures, of one run\n"
      "of whet eval (--with model=FILE) or of several. Use: shown to pay, corrected for all of\n"
      "these results; try: neither shown nor ruled out; skip: the rest, with the strategy that\n"
      "came nearest.\n");
  command.action([options] { return run_recommend(*options); });
  return command;
}

}  // namespace whet
