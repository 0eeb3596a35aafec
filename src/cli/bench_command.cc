#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <memory>
#include <nlohmann/json.hpp>

#include "bench/roofline.h"
#include "bench/speed.h"
#include "cli/bench_modes.h"
#include "cli/commands.h"
#include "cli/interrupt.h"
#include "cli/model_flags.h"
#include "cli/remote_speed.h"
#include "cli/speed_rows.h"
#include "cli/terminal.h"
#include "report/progress.h"
#include "sys/machine.h"

namespace whet {
namespace {

using Json = nlohmann::ordered_json;

/// --curve: what m rows cost over one, and what context costs.
constexpr int64_t kCurveTokens = 32, kCurveRows = 16;
constexpr int64_t kCurveDepths[] = {512, 1024, 2048, 4096};

std::vector<SpeedCase> curve_cases() {
  std::vector<SpeedCase> cases;
  for (int64_t m = 1; m <= kCurveRows; ++m) {
    cases.push_back({.n_gen = kCurveTokens, .n_parallel = m});
  }
  for (int64_t depth : kCurveDepths) cases.push_back({.n_gen = kCurveTokens, .n_depth = depth});
  return cases;
}

Result<std::vector<SpeedCase>> cases_of(const BenchOptions& options) {
  if (options.curve) return curve_cases();
  WHET_TRY(auto prompts, parse_counts("-p", options.n_prompt));
  WHET_TRY(auto gens, parse_counts("-n", options.n_gen));
  WHET_TRY(auto depths, parse_counts("-d", options.n_depth));
  WHET_TRY(auto parallels, parse_counts("-np", options.n_parallel));
  std::vector<SpeedCase> cases;
  for (int64_t depth : depths) {
    for (int64_t p : prompts) {
      if (p > 0) cases.push_back({.n_prompt = p, .n_depth = depth});
    }
    for (int64_t n : gens) {
      for (int64_t parallel : parallels) {
        if (n > 0 && parallel > 0)
          cases.push_back({.n_gen = n, .n_depth = depth, .n_parallel = parallel});
      }
    }
    for (const std::string& pair : options.pairs) {
      WHET_TRY(auto both, parse_counts("-pg", pair));
      if (both.size() != 2)
        return Error(ErrorCode::kInvalidArgument,
                     fmt::format("-pg: expected P,N, found \"{}\"", pair));
      cases.push_back({.n_prompt = both[0], .n_gen = both[1], .n_depth = depth});
    }
  }
  if (cases.empty())
    return Error(ErrorCode::kInvalidArgument, "nothing to measure: -p and -n are both 0");
  return cases;
}

/// All cases of one model and thread count; repetitions go round the cases, so that a slow spell of
/// the machine hits all of them.
Result<std::vector<Json>> measure(const std::string& path, int threads, const BenchOptions& options,
                                  const std::vector<SpeedCase>& cases, DType cache_type) {
  int64_t context = 0;
  for (const SpeedCase& c : cases) context = std::max(context, c.n_depth + c.n_prompt + c.n_gen);
  ModelUse use;
  for (const SpeedCase& c : cases) {
    use.rows_per_step = std::max(use.rows_per_step, static_cast<int>(c.n_parallel));
  }
  WHET_TRY(LoadedModel loaded, options.storage.load(path, threads, use));
  EngineOptions engine_options{.threads = threads,
                               .context = std::max<int64_t>(context, 1),
                               .batch = options.batch,
                               .kv_type = cache_type,
                               .chat_template = {}};
  WHET_TRY_STATUS(apply_sparsity(options.sparsity, SparseRows::kDecoded, loaded, engine_options));
  WHET_TRY(auto engine, Engine::create(std::move(loaded), engine_options));
  warn_of_untrained_context(*engine);
  ThreadPool pool(engine->threads());
  const Ceilings ceilings = measure_ceilings(pool);
  const CancelFlag* cancel = &interrupt_flag();
  report::Progress progress(
      fmt::format("bench {}", std::filesystem::path(path).filename().string()),
      static_cast<int64_t>(cases.size()) * (options.repetitions + (options.no_warmup ? 0 : 1)));
  int64_t done = 0;
  if (!options.no_warmup) {
    for (const SpeedCase& c : cases) {
      SpeedCase warmup = c;
      warmup.n_gen = std::min<int64_t>(warmup.n_gen, 2);
      WHET_TRY_STATUS(time_once(*engine, warmup, cancel));
      progress.update(++done);
    }
  }
  std::vector<SpeedSamples> samples;
  for (const SpeedCase& c : cases) samples.push_back({c, {}, {}});
  for (int r = 0; r < options.repetitions; ++r) {
    for (SpeedSamples& s : samples) {
      // A new peak, or it would be that of measuring the ceilings.
      const bool has_new_peak = reset_peak_rss();
      WHET_TRY(int64_t ns, time_once(*engine, s.test, cancel));
      s.ns.push_back(ns);
      if (has_new_peak) s.peak_rss_bytes = std::max(s.peak_rss_bytes, peak_rss_bytes());
      progress.update(++done);
    }
  }
  progress.finish();
  std::vector<Json> rows;
  for (const SpeedSamples& s : samples) rows.push_back(speed_row(path, *engine, s, ceilings));
  return rows;
}

int run_bench(const BenchOptions& options) {
  if (options.scenarios) return bench_mode_scenarios(options);
  if (options.speculative) return bench_mode_speculative(options);
  if (!is_bench_form(options.output)) {
    return fail(Error(ErrorCode::kInvalidArgument,
                      fmt::format("-o: expected md, json, jsonl or csv (a file only with "
                                  "--speculative), found \"{}\"",
                                  options.output)));
  }
  if (options.kv) return bench_mode_kv(options);
  auto cases = cases_of(options);
  if (!cases.ok()) return fail(cases.error());
  auto threads = parse_counts("-t", options.threads);
  if (!threads.ok()) return fail(threads.error());
  auto cache_type = options.cache.type();
  if (!cache_type.ok()) return fail(cache_type.error());
  std::vector<Json> rows;
  for (const std::string& model : options.models) {
    if (remote::is_address(model)) {
      auto measured = remote_speed(model, *cases, options.repetitions, !options.no_warmup);
      if (!measured.ok()) return fail(measured.error());
      rows.insert(rows.end(), measured->begin(), measured->end());
      continue;
    }
    for (int64_t t : *threads) {
      auto measured = measure(model, static_cast<int>(t), options, *cases, *cache_type);
      if (!measured.ok()) return fail(measured.error());
      rows.insert(rows.end(), measured->begin(), measured->end());
    }
  }
  compare_with_one(rows);
  print_speed_rows(rows, options.output);
  return 0;
}

}  // namespace

Command make_bench_command() {
  auto options = std::make_shared<BenchOptions>();
  Command command("bench", "Speed of prefill and decode, with llama-bench's flags");
  command
      .add("MODEL,-m,--model", &options->models,
           std::string(kModelOrAddressHelp) + "; may be repeated")
      .required();
  std::vector<const Flag*> of_speed = {
      &command
           .add(
               "-p,--n-prompt", &options->n_prompt,
               "prompt tokens: 512, 128,512 or 128-512+128 (0 = none); with --speculative a prompt")
           .joined(),
      &command.add("-n,--n-gen", &options->n_gen, "tokens to decode, as -p").joined(),
      &command
           .add("-pg,-g,--pg", &options->pairs, "a prompt of P and then N tokens; may be repeated")
           .value_name("P,N"),
      &command.add("-d,--n-depth", &options->n_depth, "tokens of context before the measurement")
           .joined(),
      &command.add("-np,--parallel", &options->n_parallel, "sequences decoded together").joined()};
  command.add("-t,--threads", &options->threads, "threads (0 = as many as this process may use)")
      .joined();
  of_speed.push_back(
      &command.add("-b,--batch-size", &options->batch, "most prompt tokens in one forward pass")
           .at_least(1));
  const Flag* repetitions =
      &command.add("-r,--repetitions", &options->repetitions, "repetitions of each test")
           .between(1, 1e6);
  command
      .add("-o,--output", &options->output,
           "form of the output: md, json, jsonl or csv; with --speculative and --scenarios also "
           "FILE.json")
      .value_name("FORM");
  of_speed.push_back(
      &command.add("--curve", &options->curve,
                   "instead of -p and -n: decode 1 to 16 sequences together, and one at depth"));
  command.add(
      "--kv", &options->kv,
      "instead: memory of keys and values under mixes of requests, forks, decoding on shared "
      "blocks");
  options->cache.add_to(command);
  options->storage.add_to(command, "off");
  of_speed.push_back(&add_sparsity_flag(command, &options->sparsity));
  of_speed.push_back(
      &command.add("--no-warmup", &options->no_warmup, "measure from the first run"));
  // What another engine decides by itself.
  std::vector<const Flag*> local;
  for (const Flag& flag : command.flags()) {
    for (const char* name :
         {"-t", "-b", "-ctk", "-ctv", "--no-mmap", "--repack", "--kv", "--sparsity"}) {
      if (flag.has_name(name)) local.push_back(&flag);
    }
  }
  command.add("--scenarios", &options->scenarios,
              "instead: requests of named sizes (short, medium, code, long), models in turn");
  const Flag* scenario_file = &command
                                   .add("--scenario-file", &options->scenario_file,
                                        "scenarios of your own: a JSON array of name, "
                                        "prompt_tokens and generated_tokens")
                                   .value_name("FILE");
  const Flag* scenario_runs =
      &command.add("--runs", &options->scenario_runs, "runs of each scenario").between(1, 1e6);
  command.add("--speculative", &options->speculative,
              "instead: what speculation buys, on prompts of several kinds of work");
  SpeculationBenchOptions& speculation = options->speculation;
  const size_t n_flags = command.flags().size();
  speculation.model.add_speculation_to(command);
  command.begin_group("With --speculative");
  command.add("--prompt", &speculation.prompt, "measure this prompt only (also -p TEXT)");
  command
      .add("--prompt-file", &speculation.prompt_file,
           "prompts as JSON lines with id, category and prompt, instead of the built-in ones")
      .value_name("FILE");
  command
      .add("--category", &speculation.categories,
           "only these of chat, code, edit, summary, maths; a comma list")
      .joined();
  command
      .add("-i,--iterations", &speculation.iterations,
           "rounds of each prompt: without, with, with, without speculation")
      .between(1, 1e6);
  command.add("--skip-vanilla", &speculation.skip_vanilla, "measure only with speculation");
  command.add("-s,--seed", &speculation.seed, "seed of the answers");
  command
      .add("-c,--ctx-size", &speculation.model.engine.context,
           "context in tokens (0 = the model's own)")
      .at_least(0);
  speculation.sampling.params.temperature = 0;
  speculation.sampling.add_to(command);
  std::vector<const Flag*> of_speculation;
  for (size_t i = n_flags; i < command.flags().size(); ++i) {
    of_speculation.push_back(&command.flags()[i]);
  }
  command.action([options, repetitions, scenario_file, scenario_runs,
                  of_speed = std::move(of_speed), local = std::move(local),
                  of_speculation = std::move(of_speculation)] {
    for (const std::string& model : options->models) {
      for (const Flag* flag : local) {
        if (!remote::is_address(model) || !flag->given()) continue;
        return fail(Error(
            ErrorCode::kInvalidArgument,
            fmt::format("{}: not for {}: the engine there decides", flag->first_name(), model)));
      }
    }
    for (const Flag* flag : of_speculation) {
      if (options->speculative || !flag->given()) continue;
      return fail(Error(ErrorCode::kInvalidArgument,
                        fmt::format("{}: only with --speculative", flag->first_name())));
    }
    if (options->speculative + options->kv + options->scenarios > 1) {
      return fail(Error(ErrorCode::kInvalidArgument,
                        "expected one of --speculative, --scenarios and --kv, found several"));
    }
    for (const Flag* flag : {scenario_file, scenario_runs}) {
      if (options->scenarios || !flag->given()) continue;
      return fail(Error(ErrorCode::kInvalidArgument,
                        fmt::format("{}: only with --scenarios", flag->first_name())));
    }
    if (options->scenarios) {
      for (const Flag* flag : of_speed) {
        if (!flag->given() || flag->has_name("-b")) continue;
        return fail(Error(ErrorCode::kInvalidArgument,
                          fmt::format("{}: not with --scenarios, which have sizes of their own",
                                      flag->first_name())));
      }
      if (repetitions->given()) {
        return fail(Error(ErrorCode::kInvalidArgument, "-r: not with --scenarios: --runs"));
      }
      return run_bench(*options);
    }
    if (options->speculative) {
      for (const Flag* flag : of_speed) {
        // -p and -n have a meaning of their own, -b the same.
        const std::string& name = flag->first_name();
        if (!flag->given() || name == "-p" || name == "-n" || name == "-b") continue;
        return fail(
            Error(ErrorCode::kInvalidArgument, fmt::format("{}: not with --speculative", name)));
      }
      if (repetitions->given()) {
        return fail(Error(ErrorCode::kInvalidArgument,
                          "-r: not with --speculative, which takes rounds of four: -i"));
      }
      if (of_speed.front()->given()) options->speculation.prompt = options->n_prompt;
      return run_bench(*options);
    }
    for (const Flag* flag : of_speed) {
      if (!options->kv || !flag->given()) continue;
      return fail(Error(
          ErrorCode::kInvalidArgument,
          fmt::format("{}: not with --kv, which measures mixes of its own", flag->first_name())));
    }
    return run_bench(*options);
  });
  return command;
}

}  // namespace whet
