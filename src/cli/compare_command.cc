#include <fmt/format.h>

#include <filesystem>
#include <memory>

#include "cli/commands.h"
#include "cli/experiment_flags.h"
#include "cli/experiment_plan.h"
#include "cli/experiment_run.h"
#include "cli/prompt_input.h"
#include "cli/sparse_text_score.h"
#include "cli/terminal.h"
#include "cli/text_score.h"
#include "cli/variants.h"
#include "report/speedup_chart.h"
#include "report/technique_table.h"
#include "report/terminal.h"
#include "report/text.h"
#include "sys/file_bytes.h"
#include "sys/json_text.h"
#include "sys/pending_file.h"

namespace whet {
namespace {

namespace fs = std::filesystem;

struct CompareFlags {
  ExperimentFlags experiment;
  std::vector<std::string> with;
  std::string text_file;
};

/// The engines of a comparison, the base first.
struct Compared {
  Engine* base = nullptr;
  std::vector<OpenedVariant> variants;
};

/// Of the weights that it runs on, copies by channel included; without those of a model that
/// drafts.
uint64_t weight_bytes_of(const Engine& engine) {
  uint64_t n = engine.describe().n_bytes;
  for (const auto& made : engine.loaded().model.weights.made) n += made->bytes().size();
  return n;
}

void weigh_rows(const Compared& compared, std::vector<report::TechniqueRow>& rows) {
  for (size_t i = 0; i < rows.size() && i <= compared.variants.size(); ++i) {
    rows[i].weight_bytes =
        weight_bytes_of(i == 0 ? *compared.base : *compared.variants[i - 1].engine);
  }
}

/// Bits per byte of each on the text; the rows stand in the same order.
Status score_rows(const CompareFlags& options, const Compared& compared,
                  std::vector<report::TechniqueRow>& rows) {
  if (options.text_file.empty()) return ok_status();
  WHET_TRY(const std::string text, read_stream(options.text_file, kMaxTextBytes));
  std::vector<Engine*> engines = {compared.base};
  for (const OpenedVariant& variant : compared.variants) engines.push_back(variant.engine.get());
  for (size_t i = 0; i < engines.size() && i < rows.size(); ++i) {
    WHET_TRY(const auto tokens,
             engines[i]->tokenizer().encode(text, {.add_special = false, .parse_special = false}));
    // What is read is dense in a variant that decodes sparse, and would say nothing of it.
    WHET_TRY(const TextScore score, engines[i]->sparse_rows() == SparseRows::kNone
                                        ? score_text(*engines[i], tokens)
                                        : score_sparse_text(*engines[i], tokens));
    rows[i].bits_per_byte = score.bits_per_byte(tokens.size(), text.size());
    rows[i].bits_per_byte_error = *rows[i].bits_per_byte * score.standard_error() / score.mean();
  }
  return ok_status();
}

/// Characters per second against the base, as a picture.
Result<std::string> draw_improvements(const std::string& title,
                                      const std::vector<report::TechniqueRow>& rows) {
  std::vector<report::SpeedupRow> bars;
  for (const report::TechniqueRow& row : rows) {
    const auto& ratio = row.characters_per_second;
    if (!ratio) continue;
    report::SpeedupRow bar{row.name, ratio->value, {}, {}, {}};
    if (ratio->interval) {
      bar.low = ratio->interval->low;
      bar.high = ratio->interval->high;
    }
    bars.push_back(std::move(bar));
  }
  return report::render_speedups(
      {title, "characters per second over the base's", "same questions, in turn"}, bars);
}

Result<std::vector<report::TechniqueRow>> measured_rows(const CompareFlags& options,
                                                        const Compared& compared,
                                                        const results::Document& document) {
  std::vector<report::TechniqueRow> rows = report::technique_rows(document);
  weigh_rows(compared, rows);
  WHET_TRY_STATUS(score_rows(options, compared, rows));
  return rows;
}

/// At the terminal and in files; the page is the report's.
Status report_techniques(const CompareFlags& options, const results::Document& document,
                         const std::vector<report::TechniqueRow>& rows) {
  const int width = report::stdout_width();
  fmt::print("\n{}\n{}", report::technique_table(rows, width),
             report::wrapped(report::technique_legend(), "", "", width));
  const fs::path directory = options.experiment.out_dir;
  WHET_TRY_STATUS(write_file_atomically((directory / "compare.json").string(),
                                        json_text(report::technique_json(rows), 1) + "\n"));
  WHET_TRY_STATUS(
      write_file_atomically((directory / "compare.csv").string(), report::technique_csv(rows)));
  if (options.experiment.no_charts) return ok_status();
  const auto picture = draw_improvements(document.title, rows);
  if (!picture.ok()) {  // as the report's own pictures: the rest is written
    print_warning(picture.error().message());
    return ok_status();
  }
  return write_file_atomically((directory / "chart-improvements.svg").string(), *picture);
}

int run_compare(const CompareFlags& options) {
  const ExperimentFlags& flags = options.experiment;
  // Before a model is loaded for nothing.
  if (const Status checked = flags.check(); !checked.ok()) return fail(checked.error());
  auto model = flags.model.open();
  if (!model.ok()) return fail(model.error());
  if (model->engine == nullptr) {
    return fail(Error(ErrorCode::kInvalidArgument,
                      fmt::format("-m: expected a model file to compare variants of, found the "
                                  "address {}",
                                  flags.model.model)));
  }
  auto plan = make_plan(flags, *model);
  if (!plan.ok()) return fail(plan.error());
  plan->title = "What each technique buys: " + fs::path(flags.model.model).filename().string();
  plan->strategies = {"baseline"};
  plan->same_time_controls = false;
  plan->grade_candidates = false;
  auto variants = open_variants(flags.model, options.with);
  if (!variants.ok()) return fail(variants.error());
  const Compared compared{model->engine, std::move(*variants)};
  auto result = run_plan(flags, *plan, *model->generator, compared.variants);
  if (!result.ok()) return fail(result.error());
  auto rows = measured_rows(options, compared, result->document);
  if (!rows.ok()) return fail(rows.error());
  const Status reported = report_techniques(options, result->document, *rows);
  if (!reported.ok()) return fail(reported.error());
  return report_results(flags, *result, std::move(*rows));
}

}  // namespace

Command make_compare_command() {
  auto options = std::make_shared<CompareFlags>();
  ExperimentFlags& flags = options->experiment;
  // An answer is neither proposed from nor cached for the next run of its question.
  flags.model.speculation.types = "none";
  flags.model.speculation.no_session = true;
  flags.model.engine.prefix_cache = false;
  Command command("compare", "Measure what techniques buy, alone and together, on one model");
  flags.model.add_to(command, "off");
  command.add("--with", &options->with, kVariantsHelp).required().value_name("VARIANT");
  flags.add_to(command);
  command.add("--text", &options->text_file, "a text: bits per byte of each variant on it")
      .value_name("FILE");
  flags.sampling.add_to(command);
  command.footer(
      "Runs of one question follow one another, the first another one each time. All models are\n"
      "in memory at once: the process' memory is of all of them, weights and bytes of keys and\n"
      "values are of each. larosa is scored sparse (--text); with kv=alias a second seed of a\n"
      "question reads nothing again. In all, drafts beside larosa may change the text.\n");
  command.action([options] { return run_compare(*options); });
  return command;
}

}  // namespace whet
