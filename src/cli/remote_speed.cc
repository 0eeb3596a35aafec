#include "cli/remote_speed.h"

#include <fmt/format.h>

#include <algorithm>

#include "bench/serving.h"
#include "cli/interrupt.h"
#include "cli/remote_flags.h"
#include "cli/version.h"
#include "report/progress.h"
#include "stats/bootstrap.h"
#include "stats/sample.h"
#include "sys/machine.h"

namespace whet {
namespace {

using Json = nlohmann::ordered_json;

/// Tokens per second of one run: of prompts where nothing is decoded, else behind the first tokens;
/// of both together where both are asked for.
Result<double> rate_of(const SpeedCase& test, const ServingRun& run) {
  int64_t n_prompt = 0, n_output = 0, first_ns = 0, end_ns = 0;
  for (const ServingSample& sample : run.samples) {
    if (sample.error) return *sample.error;
    n_prompt += sample.n_prompt_tok - sample.n_cached_tok;
    n_output += sample.n_output_tok - 1;
    first_ns = std::max(first_ns, sample.first_token_ns);
    end_ns = std::max(end_ns, sample.end_ns);
  }
  const bool prefills = test.n_prompt > 0, decodes = test.n_gen > 0;
  const int64_t begin = prefills ? run.start_ns : first_ns;
  const int64_t end = decodes ? end_ns : first_ns;
  const int64_t n = (prefills ? n_prompt : 0) + (decodes ? n_output : 0);
  if (n <= 0 || end <= begin) {
    return Error(ErrorCode::kUnavailable,
                 fmt::format("{}: expected more tokens to time, found {}", test.name(), n));
  }
  return static_cast<double>(n) / (static_cast<double>(end - begin) * 1e-9);
}

Json row_of(const std::string& address, const remote::RemoteGenerator& model, const SpeedCase& test,
            const std::vector<double>& rates) {
  const auto interval = stats::bootstrap_percentile(rates.size(),
                                                    [&](std::span<const uint32_t> indices) {
                                                      std::vector<double> drawn;
                                                      for (const uint32_t i : indices) {
                                                        drawn.push_back(rates[i]);
                                                      }
                                                      return stats::median(drawn).value();
                                                    },
                                                    {});
  const ModelDescription& description = model.describe();
  const auto known = [](auto value) { return value > 0 ? Json(value) : Json(nullptr); };
  return {{"schema", "whet-bench/1"},
          {"build_commit", commit_string()},
          {"cpu_info", machine_info().cpu_name},
          {"isa", std::string(model.engine())},
          {"model_filename", address},
          {"model_type", description.name},
          {"model_size", known(description.n_bytes)},
          {"model_n_params", known(description.n_parameters)},
          {"n_threads", nullptr},
          {"test", test.name()},
          {"n_prompt", test.n_prompt},
          {"n_gen", test.n_gen},
          {"n_depth", test.n_depth},
          {"n_parallel", test.n_parallel},
          {"median_ts", stats::median(rates).value()},
          {"low_ts", interval ? Json(interval->low) : Json(nullptr)},
          {"high_ts", interval ? Json(interval->high) : Json(nullptr)},
          {"samples_ts", rates},
          {"weights_gb_per_second", nullptr},
          {"read_gb_per_second", nullptr},
          {"of_roofline", nullptr},
          {"cost_over_one", nullptr},
          {"peak_rss_bytes", nullptr}};
}

}  // namespace

Result<std::vector<Json>> remote_speed(const std::string& address,
                                       const std::vector<SpeedCase>& cases, int repetitions,
                                       bool warmup) {
  for (const SpeedCase& test : cases) {
    if (test.n_depth == 0) continue;
    return Error(ErrorCode::kInvalidArgument,
                 fmt::format("{}: expected no -d with an address: another engine's cache cannot be "
                             "filled first",
                             test.name()));
  }
  RemoteFlags flags;
  WHET_TRY(auto model, flags.open(address));
  const CancelFlag* cancel = &interrupt_flag();
  const UniquePrompts prompts(1);
  std::vector<int64_t> n_words;
  for (const SpeedCase& test : cases) {
    constexpr int64_t kShortPrompt = 24;
    WHET_TRY(const int64_t n,
             words_for_tokens(*model, prompts, std::max(test.n_prompt, kShortPrompt), cancel));
    n_words.push_back(n);
  }
  std::vector<std::vector<double>> rates(cases.size());
  report::Progress progress("bench " + address, static_cast<int64_t>(cases.size()) * repetitions);
  uint64_t first_prompt = 0;
  int64_t n_done = 0;
  for (int r = 0; r < repetitions; ++r) {
    for (size_t i = 0; i < cases.size(); ++i) {
      const ServingLoad load{.concurrency = static_cast<int>(cases[i].n_parallel),
                             .n_requests = cases[i].n_parallel,
                             .n_warmup = warmup && r == 0 ? 1 : 0,
                             .output_tokens = cases[i].n_gen + 1,
                             .ignore_eos = model->takes_ignore_eos()};
      WHET_TRY(const ServingRun run,
               run_serving(*model, load, n_words[i], first_prompt, cancel, {}));
      first_prompt += static_cast<uint64_t>(load.n_requests + load.n_warmup);
      WHET_TRY(const double rate, rate_of(cases[i], run));
      rates[i].push_back(rate);
      progress.update(++n_done);
    }
  }
  progress.finish();
  std::vector<Json> rows;
  for (size_t i = 0; i < cases.size(); ++i) {
    rows.push_back(row_of(address, *model, cases[i], rates[i]));
  }
  return rows;
}

}  // namespace whet
