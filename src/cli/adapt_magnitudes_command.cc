// whet adapt magnitudes: a copy of a model that says how large its activations are, for plans whose
// channels are those above a threshold.
#include <fmt/format.h>

#include <memory>

#include "adapt/calibration.h"
#include "adapt/magnitudes.h"
#include "adapt/rotated_model.h"
#include "adapt/sparsity_budget.h"
#include "cli/commands.h"
#include "cli/interrupt.h"
#include "cli/model_flags.h"
#include "cli/model_source.h"
#include "cli/prompt_input.h"
#include "cli/quantize_output.h"
#include "cli/terminal.h"
#include "load/loaded_model.h"
#include "sys/machine.h"

namespace whet {
namespace {

struct AdaptMagnitudesFlags {
  std::string model, text, out;
  uint64_t tokens = 8192, window = 512;
  int threads = 0;
};

Status measure_magnitudes(const AdaptMagnitudesFlags& options, const LoadedModel& model) {
  WHET_TRY_STATUS(refuse_input_as_output(options.out, model.file));
  // That the model has the inputs which such plans are of.
  WHET_TRY(const SparsityPlan plan, adapt::uniform_budget(model.model.config, 0));
  WHET_TRY(const std::string text, read_stream(options.text, kMaxTextBytes));
  WHET_TRY(const adapt::Windows windows,
           adapt::calibration_windows(*model.tokenizer, text, static_cast<int64_t>(options.tokens),
                                      static_cast<int64_t>(options.window)));
  ThreadPool pool(options.threads > 0 ? options.threads : cpu_limits().usable_threads());
  WHET_TRY(const auto layers,
           adapt::collect_magnitudes(model.model, windows, pool, &interrupt_flag()));
  WHET_TRY_STATUS(
      adapt::write_with_magnitudes(model, layers, options.out, pool, &interrupt_flag()));
  fmt::print("{}: magnitudes of {} layers on {} windows of {} tokens\n", options.out,
             plan.kept.size(), windows.size(), options.window);
  return ok_status();
}

int run_adapt_magnitudes(const AdaptMagnitudesFlags& options) {
  const auto model = load_named_model(options.model);
  if (!model.ok()) return fail(model.error());
  const Status done = measure_magnitudes(options, *model);
  if (!done.ok()) return fail(done.error());
  note_whet_keys(options.out);
  return 0;
}

}  // namespace

Command make_adapt_magnitudes_command() {
  auto options = std::make_shared<AdaptMagnitudesFlags>();
  Command command("adapt magnitudes",
                  "Write a copy of a model that says how large its activations are");
  command.add("MODEL,-m,--model", &options->model, kModelHelp).required();
  command
      .add("-f,--file", &options->text,
           "text to measure on, of the kind that the model will see (- = stdin)")
      .required()
      .value_name("FILE");
  command.add("-o,--out", &options->out, "GGUF file to write (replaced if it exists)")
      .required()
      .value_name("FILE");
  command.add("--tokens", &options->tokens, "most tokens of the text to measure on")
      .between(64, 1e7);
  command.add("--window", &options->window, "tokens that are seen together").between(32, 32768);
  command.add("-t,--threads", &options->threads, "threads (0 = as many as this process may use)")
      .between(0, kMaxThreads);
  command.footer(
      "The weights are the model's, bit by bit. --sparsity teal:0.4 and cats:0.4 then leave out "
      "what\nis below the quantiles of each layer's inputs (docs/sparsity.md).\n");
  command.action([options] { return run_adapt_magnitudes(*options); });
  return command;
}

}  // namespace whet
