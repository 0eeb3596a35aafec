// whet adapt larosa: a rotated copy of a model, with a plan of the channels that a pass may skip.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <iterator>
#include <memory>
#include <optional>

#include "adapt/budget_search.h"
#include "adapt/calibration.h"
#include "adapt/column_norms.h"
#include "adapt/moments_file.h"
#include "adapt/rotatable.h"
#include "adapt/rotated_model.h"
#include "adapt/rotations.h"
#include "adapt/sparsity_budget.h"
#include "adapt/text_loss.h"
#include "cli/commands.h"
#include "cli/interrupt.h"
#include "cli/model_flags.h"
#include "cli/model_source.h"
#include "cli/prompt_input.h"
#include "cli/quantize_output.h"
#include "cli/terminal.h"
#include "load/loaded_model.h"
#include "report/progress.h"
#include "sys/machine.h"

namespace whet {
namespace {

// Windows between two writes of the moments: what a calibration that is broken off may lose.
constexpr int64_t kWindowsPerWrite = 8;
// Of the calibration text, what each candidate of a search is measured on.
constexpr size_t kWindowsOfSearch = 4;
constexpr double kBalances[] = {0.6, 0.7, 0.8, 0.9, 1.0, 1.1};

struct AdaptLarosaFlags {
  std::string model, text, out, moments;
  std::string type = "q8_0";
  double sparsity = 0.4, balance = 0;
  uint64_t tokens = 8192, window = 512;
  int threads = 0;
  bool search = false, search_inputs = false, score = false, allow_requantize = false;
};

Result<adapt::Moments> calibrate(const AdaptLarosaFlags& options, const LoadedModel& model,
                                 const adapt::Windows& windows, ThreadPool& pool) {
  const std::string path = options.moments.empty() ? options.out + ".moments" : options.moments;
  WHET_TRY(const std::string key, adapt::moments_key(model.file, windows));
  adapt::Moments moments(model.model.config);
  WHET_TRY(const bool found, adapt::read_moments(path, key, moments));
  const auto n_windows = static_cast<int64_t>(windows.size());
  if (found) {
    print_note(
        fmt::format("{}: {} of {} windows were seen before", path, moments.n_windows, n_windows));
  }
  report::Progress progress("calibrate, windows", n_windows);
  const auto on_window = [&](const adapt::Moments& so_far) -> Status {
    progress.update(so_far.n_windows);
    if (so_far.n_windows % kWindowsPerWrite != 0 && so_far.n_windows != n_windows) {
      return ok_status();
    }
    return adapt::write_moments(path, key, so_far);
  };
  WHET_TRY_STATUS(
      adapt::collect_moments(model.model, windows, pool, on_window, &interrupt_flag(), moments));
  progress.finish();
  return moments;
}

/// Axes that hold half, and 90 %, of the power of what norms give.
std::string concentration(const adapt::PrincipalAxes& axes) {
  double total = 0, sum = 0;
  for (const double power : axes.powers) total += power;
  size_t half = 0, most = 0;
  for (size_t i = 0; i < axes.powers.size(); ++i) {
    sum += axes.powers[i];
    if (half == 0 && sum >= 0.5 * total) half = i + 1;
    if (most == 0 && sum >= 0.9 * total) most = i + 1;
  }
  return fmt::format("{} of {} axes hold half of the power, {} hold 90 %", half, axes.width, most);
}

adapt::Windows first_windows(const adapt::Windows& windows) {
  const size_t n = std::min(kWindowsOfSearch, windows.size());
  return {windows.begin(), windows.begin() + static_cast<std::ptrdiff_t>(n)};
}

/// As many weights as `first` skips, budgeted for every layer and input by itself.
Result<SparsityPlan> search_inputs(LoadedModel& rotated, const SparsityPlan& first,
                                   const adapt::Windows& windows, ThreadPool& pool) {
  std::optional<report::Progress> progress;
  const auto on_search = [&](size_t done, size_t total) {
    if (!progress) progress.emplace("search, passes", static_cast<int64_t>(total));
    progress->update(static_cast<int64_t>(done));
  };
  WHET_TRY(adapt::SearchedBudget found,
           adapt::search_budget(rotated.model, first, first_windows(windows), pool,
                                &interrupt_flag(), on_search));
  progress->finish();
  fmt::print("budget of each input: divergence {:.4f} nats per token, {:.4f} before\n",
             found.divergence, found.first_divergence);
  return std::move(found.plan);
}

/// With the scores of the `first` plan: of the balances tried, the plan that predicts the
/// calibration text best.
Result<SparsityPlan> search_plan(const AdaptLarosaFlags& options, LoadedModel& rotated,
                                 const SparsityPlan& first, const adapt::Windows& windows,
                                 ThreadPool& pool) {
  const adapt::Windows seen = first_windows(windows);
  std::optional<SparsityPlan> best;
  double least = 0;
  rotated.model.sparsity = nullptr;
  WHET_TRY(const double dense, adapt::text_loss(rotated.model, seen, pool, &interrupt_flag()));
  fmt::print("dense: {:.4f} nats per token of {} windows\n", dense, seen.size());
  for (const double balance : kBalances) {
    auto plan = adapt::balanced_budget(rotated.model.config, options.sparsity, balance);
    if (!plan.ok()) continue;  // a share that the other inputs cannot make up for
    plan->method = first.method;
    plan->scores = first.scores;
    rotated.model.sparsity = std::make_shared<const SparsityPlan>(*plan);
    WHET_TRY(const double loss, adapt::text_loss(rotated.model, seen, pool, &interrupt_flag()));
    fmt::print("balance {:.1f}: {:.4f} nats per token, {:+.2f} % perplexity\n", balance, loss,
               100 * std::expm1(loss - dense));
    if (best && loss >= least) continue;
    least = loss;
    best = *plan;
  }
  if (best) return *best;
  return Error(ErrorCode::kInvalidArgument,
               fmt::format("--sparsity {}: no balance from {} to {} makes that share",
                           options.sparsity, kBalances[0], kBalances[std::size(kBalances) - 1]));
}

Status adapt_model(const AdaptLarosaFlags& options, const LoadedModel& model) {
  WHET_TRY_STATUS(refuse_input_as_output(options.out, model.file));
  const ModelConfig& config = model.model.config;
  WHET_TRY_STATUS(adapt::check_rotatable(config));
  WHET_TRY(const TypeMixture mixture, type_mixture(options.type));
  WHET_TRY(SparsityPlan plan,
           options.balance == 0
               ? adapt::published_budget(config, options.sparsity)
               : adapt::balanced_budget(config, options.sparsity, options.balance));
  WHET_TRY(const std::string text, read_stream(options.text, kMaxTextBytes));
  WHET_TRY(const adapt::Windows windows,
           adapt::calibration_windows(*model.tokenizer, text, static_cast<int64_t>(options.tokens),
                                      static_cast<int64_t>(options.window)));
  ThreadPool pool(options.threads > 0 ? options.threads : cpu_limits().usable_threads());
  WHET_TRY(const adapt::Moments moments, calibrate(options, model, windows, pool));
  WHET_TRY(const adapt::Rotations rotations, adapt::rotations_of(moments, pool));
  WeightProgress progress("rotate");
  const auto on_weights = [&](uint64_t done, uint64_t total) { progress.update(done, total); };
  WHET_TRY(const auto tensors,
           adapt::write_rotated_model(
               model, rotations,
               {.mixture = mixture, .plan = plan, .allow_requantize = options.allow_requantize},
               options.out, pool, on_weights, &interrupt_flag()));
  progress.finish();
  if (options.search || options.search_inputs || options.score) {
    WHET_TRY(LoadedModel rotated, load_model(options.out));
    if (options.score) adapt::score_by_column_norms(rotated.model, pool, plan);
    if (options.search) {
      WHET_TRY(plan, search_plan(options, rotated, plan, windows, pool));
    }
    if (options.search_inputs) {
      WHET_TRY(plan, search_inputs(rotated, plan, windows, pool));
    }
    WHET_TRY_STATUS(adapt::write_with_plan(rotated, plan, options.out, pool, &interrupt_flag()));
  }
  uint64_t n_bytes = 0;
  for (const QuantizedTensor& tensor : tensors) n_bytes += tensor.n_bytes;
  fmt::print("{}: {:.1f} MB of {} weights; {}\n", options.out, static_cast<double>(n_bytes) * 1e-6,
             options.type, concentration(rotations.residual));
  fmt::print(
      "plan: {:.2f} % of the layers' weights skipped; calibrated on {} windows of {} tokens\n",
      100 * plan.share, windows.size(), options.window);
  return ok_status();
}

int run_adapt_larosa(const AdaptLarosaFlags& options) {
  const auto model = load_named_model(options.model);
  if (!model.ok()) return fail(model.error());
  const Status done = adapt_model(options, *model);
  if (!done.ok()) return fail(done.error());
  note_whet_keys(options.out);
  return 0;
}

}  // namespace

Command make_adapt_larosa_command() {
  auto options = std::make_shared<AdaptLarosaFlags>();
  Command command("adapt larosa",
                  "Write a rotated copy of a model whose small activations can be skipped");
  command.add("MODEL,-m,--model", &options->model, kModelHelp).required();
  command
      .add("-f,--file", &options->text,
           "text to calibrate with, of the kind that the model will see (- = stdin)")
      .required()
      .value_name("FILE");
  command.add("-o,--out", &options->out, "GGUF file to write (replaced if it exists)")
      .required()
      .value_name("FILE");
  command.add("--sparsity", &options->sparsity, "share of channels to skip").between(0, 0.8);
  command
      .add("--balance", &options->balance,
           "of what norms give so many times the sparsity, of the other inputs as much as makes it "
           "the share of all weights; 0 = LaRoSA's rule, 0.8 and 1.2 times")
      .between(0, 2);
  command.add("--search", &options->search,
              "try balances from 0.6 to 1.1 on the calibration text and take the best");
  command.add("--search-inputs", &options->search_inputs,
              "then budget each layer's inputs by what leaving their channels out costs on the "
              "calibration text; as many weights are skipped");
  command.add("--score", &options->score,
              "weigh activations by the norms of the columns that they meet (WINA)");
  command.add("--type", &options->type, "llama.cpp's name, in any case")
      .any_case()
      .one_of(type_mixture_names());
  command.add("--tokens", &options->tokens, "most tokens of the text to calibrate with")
      .between(64, 1e7);
  command.add("--window", &options->window, "tokens that are seen together").between(32, 32768);
  command
      .add("--moments", &options->moments,
           "where the calibration is kept, to go on with and to use again (OUT.moments)")
      .value_name("FILE");
  command.add("-t,--threads", &options->threads, "threads (0 = as many as this process may use)")
      .between(0, kMaxThreads);
  command.add("--allow-requantize", &options->allow_requantize,
              "accept an input that is quantised already");
  command.footer(
      "The copy is the same model in another basis: any engine runs it, densely. What whet may "
      "skip\n"
      "is said in keys of its own (docs/sparsity.md).\n");
  command.action([options] { return run_adapt_larosa(*options); });
  return command;
}

}  // namespace whet
