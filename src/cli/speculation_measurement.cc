#include "cli/speculation_measurement.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <ctime>
#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>
#include <numeric>

#include "bench/speculation_speed.h"
#include "cli/interrupt.h"
#include "cli/speculation_prompts.h"
#include "cli/timings.h"
#include "cli/version.h"
#include "kernels/kernels.h"
#include "report/progress.h"
#include "report/speedup_chart.h"
#include "results/event_log.h"
#include "stats/ratio.h"
#include "stats/sample.h"
#include "sys/file_bytes.h"
#include "sys/machine.h"

namespace whet {
namespace {

using Json = nlohmann::ordered_json;

constexpr uint64_t kMaxPromptFileBytes = uint64_t{64} << 20;
// Row costs are measured behind as many positions as a short prompt and half an answer have.
constexpr int64_t kCostDepth = 192;
constexpr int kCostRepetitions = 7;

struct MeasuredPrompt {
  SpeculationPrompt prompt;
  SpeculationRuns runs;
  double predicted = 1;
};

Result<std::vector<SpeculationPrompt>> read_prompts(const SpeculationBenchOptions& options) {
  if (!options.prompt.empty())
    return std::vector{SpeculationPrompt{"given", "given", options.prompt}};
  std::vector<SpeculationPrompt> prompts;
  if (options.prompt_file.empty()) {
    WHET_TRY(prompts, built_in_speculation_prompts());
  } else {
    WHET_TRY(const std::string text, read_file(options.prompt_file, kMaxPromptFileBytes));
    WHET_TRY(prompts, parse_speculation_prompts(text, options.prompt_file));
  }
  if (options.categories.empty()) return prompts;
  std::vector<SpeculationPrompt> wanted;
  for (std::string_view rest = options.categories;;) {
    const std::string_view name = rest.substr(0, rest.find(','));
    const size_t n_before = wanted.size();
    std::ranges::copy_if(prompts, std::back_inserter(wanted),
                         [&](const auto& p) { return p.category == name; });
    if (wanted.size() == n_before) {
      std::string known;
      for (const auto& p : prompts) {
        if (!known.ends_with(p.category)) known += (known.empty() ? "" : ", ") + p.category;
      }
      return Error(ErrorCode::kInvalidArgument,
                   fmt::format("--category: expected some of {}, found \"{}\"", known, name));
    }
    if (name.size() == rest.size()) return wanted;
    rest.remove_prefix(name.size() + 1);
  }
}

/// As seed tools of this kind write it, with the sample's standard deviation.
Json summary(const std::vector<double>& samples) {
  if (samples.empty()) return nullptr;
  const auto variance = stats::variance(samples);
  return {{"mean", *stats::mean(samples)},
          {"stddev", variance ? Json(std::sqrt(*variance)) : Json(nullptr)},
          {"min", *std::ranges::min_element(samples)},
          {"max", *std::ranges::max_element(samples)},
          {"samples", samples}};
}

Json arm_json(const std::vector<const SpeculationRun*>& runs) {
  std::vector<double> rates, first, total;
  for (const SpeculationRun* run : runs) {
    if (run->seconds_per_token() > 0) rates.push_back(1 / run->seconds_per_token());
    first.push_back(run->first_token_s * 1e3);
    total.push_back(run->total_s * 1e3);
  }
  return {{"tokens_per_second", summary(rates)},
          {"time_to_first_token_ms", summary(first)},
          {"total_time_ms", summary(total)}};
}

std::vector<double> seconds_per_token(const std::vector<SpeculationRun>& runs) {
  std::vector<double> seconds;
  for (const SpeculationRun& run : runs) seconds.push_back(run.seconds_per_token());
  return seconds;
}

/// Speed-up over these prompts: vanilla time per token over speculative.
std::optional<stats::Estimate> speedup_of(const std::vector<const MeasuredPrompt*>& prompts) {
  stats::PairedTasks tasks;
  for (const MeasuredPrompt* m : prompts) {
    tasks.push_back({seconds_per_token(m->runs.speculative), seconds_per_token(m->runs.vanilla)});
  }
  return stats::estimate_ratio(tasks);
}

SpeculationCounts counts_of(const std::vector<const MeasuredPrompt*>& prompts) {
  SpeculationCounts counts;
  for (const MeasuredPrompt* m : prompts) {
    for (const SpeculationRun& run : m->runs.speculative) counts.add(run.counts);
  }
  return counts;
}

Json tokens_per_step(const std::vector<const MeasuredPrompt*>& prompts) {
  int64_t n_tokens = 0;
  for (const MeasuredPrompt* m : prompts) {
    for (const SpeculationRun& run : m->runs.speculative) {
      n_tokens += static_cast<int64_t>(run.tokens.size()) - 1;
    }
  }
  const int64_t n_steps = counts_of(prompts).n_steps();
  return n_steps > 0 ? Json(static_cast<double>(n_tokens) / static_cast<double>(n_steps)) : Json();
}

Json group_json(const std::string& name, const std::vector<const MeasuredPrompt*>& prompts) {
  const SpeculationCounts counts = counts_of(prompts);
  const int64_t n_drafted = counts.n_drafted();
  Json json{{"category", name}, {"n_prompts", prompts.size()}};
  if (const auto speedup = speedup_of(prompts)) {
    json["speedup"] = speedup->value;
    json["low"] = speedup->interval ? Json(speedup->interval->low) : Json(nullptr);
    json["high"] = speedup->interval ? Json(speedup->interval->high) : Json(nullptr);
    double log_predicted = 0;
    for (const MeasuredPrompt* m : prompts) log_predicted += std::log(m->predicted);
    json["predicted"] = std::exp(log_predicted / static_cast<double>(prompts.size()));
    json["predicted_over_measured"] = json["predicted"].get<double>() / speedup->value;
  }
  json["acceptance"] =
      n_drafted > 0
          ? Json(static_cast<double>(counts.n_accepted()) / static_cast<double>(n_drafted))
          : Json(nullptr);
  json["tokens_per_step"] = tokens_per_step(prompts);
  json["speculation"] = speculation_json(counts);
  return json;
}

Json prompt_json(const MeasuredPrompt& m) {
  Json json = group_json(m.prompt.category, {&m});
  json.erase("n_prompts");
  json.erase("low");
  json.erase("high");
  json["id"] = m.prompt.id;
  json["n_tokens"] = m.runs.speculative.front().tokens.size();
  json["vanilla_seconds_per_token"] = seconds_per_token(m.runs.vanilla);
  json["speculative_seconds_per_token"] = seconds_per_token(m.runs.speculative);
  return json;
}

Json config_json(const SpeculationBenchOptions& options, const Engine& engine,
                 const SpeculationOptions& speculation, size_t n_prompts) {
  Json types = Json::array();
  for (size_t i = 0; i < kDraftSources; ++i) {
    const auto source = static_cast<DraftSource>(i);
    const bool has = source == DraftSource::kPhrase ? !speculation.phrase_file.empty()
                     : source == DraftSource::kModel
                         ? !options.model.speculation.draft_model.empty()
                         : true;
    if (speculation.uses(source) && has) types.push_back(draft_source_name(source));
  }
  const std::string& draft = options.model.speculation.draft_model;
  return {{"model", options.model.model},
          {"draft_model", draft.empty() ? Json(nullptr) : Json(draft)},
          {"spec_types", std::move(types)},
          {"draft_sparsity", options.model.speculation.draft_sparsity},
          {"n_draft", speculation.n_max},
          {"adaptive", speculation.adaptive},
          {"draft_head", speculation.n_draft_head},
          {"p_min", speculation.p_min},
          {"prompt", options.prompt.empty() ? Json(nullptr) : Json(options.prompt)},
          {"n_prompts", n_prompts},
          {"n_predict", options.n_predict},
          {"iterations", options.iterations},
          {"order", "ABBA"},
          {"temperature", options.sampling.params.temperature},
          {"top_k", options.sampling.params.top_k},
          {"top_p", options.sampling.params.top_p},
          {"min_p", options.sampling.params.min_p},
          {"repeat_penalty", options.sampling.params.repeat_penalty},
          {"seed", options.seed},
          {"threads", engine.threads()},
          {"use_mmap", engine.loaded().storage == WeightStorage::kMapped},
          {"repack", engine.loaded().storage == WeightStorage::kInterleaved},
          {"cpu_info", machine_info().cpu_name},
          {"isa", kernels::isa_name(kernels::kernels().isa)},
          {"build_commit", commit_string()}};
}

/// The statistics of single runs over both arms, as seed tools print them.
void add_plain_statistics(const std::vector<MeasuredPrompt>& measured, Json& json) {
  std::vector<const SpeculationRun*> vanilla, speculative;
  for (const MeasuredPrompt& m : measured) {
    for (const SpeculationRun& run : m.runs.vanilla) vanilla.push_back(&run);
    for (const SpeculationRun& run : m.runs.speculative) speculative.push_back(&run);
  }
  json["vanilla"] = vanilla.empty() ? Json(nullptr) : arm_json(vanilla);
  json["speculative"] = arm_json(speculative);
  json["speedup"] = nullptr;
  json["speedup_stddev"] = nullptr;
  if (vanilla.empty()) return;
  const Json &v = json["vanilla"]["tokens_per_second"],
             &s = json["speculative"]["tokens_per_second"];
  if (v.is_null() || s.is_null()) return;
  const double ratio = s["mean"].get<double>() / v["mean"].get<double>();
  json["speedup"] = ratio;
  if (v["stddev"].is_null() || s["stddev"].is_null()) return;
  // As if runs were independent and alike, which they are not; see "geometric_mean".
  json["speedup_stddev"] = ratio * std::hypot(s["stddev"].get<double>() / s["mean"].get<double>(),
                                              v["stddev"].get<double>() / v["mean"].get<double>());
}

std::vector<const MeasuredPrompt*> those_of(const std::vector<MeasuredPrompt>& measured,
                                            const std::string& category) {
  std::vector<const MeasuredPrompt*> those;
  for (const MeasuredPrompt& m : measured) {
    if (category.empty() || m.prompt.category == category) those.push_back(&m);
  }
  return those;
}

Json to_json(const SpeculationBenchOptions& options, const Engine& engine,
             const SpeculationOptions& speculation, const std::vector<MeasuredPrompt>& measured,
             const std::vector<RowCost>& costs) {
  Json json{{"schema", "whet-bench-speculative/1"},
            {"timestamp", results::utc_now()},
            {"config", config_json(options, engine, speculation, measured.size())}};
  add_plain_statistics(measured, json);
  // Of all runs of a prompt; measuring stops at the first difference.
  json["identical"] = true;
  json["geometric_mean"] = group_json("all", those_of(measured, ""));
  Json categories = Json::array();
  std::vector<std::string> seen;
  for (const MeasuredPrompt& m : measured) {
    if (std::ranges::find(seen, m.prompt.category) != seen.end()) continue;
    seen.push_back(m.prompt.category);
    categories.push_back(group_json(m.prompt.category, those_of(measured, m.prompt.category)));
  }
  json["categories"] = std::move(categories);
  Json prompts = Json::array();
  const Json* worst = nullptr;
  for (const MeasuredPrompt& m : measured) prompts.push_back(prompt_json(m));
  for (const Json& p : prompts) {
    if (!p.contains("speedup")) continue;
    if (worst == nullptr || p["speedup"].get<double>() < (*worst)["speedup"].get<double>()) {
      worst = &p;
    }
  }
  json["worst_prompt"] = worst == nullptr
                             ? Json(nullptr)
                             : Json{{"id", (*worst)["id"]}, {"speedup", (*worst)["speedup"]}};
  Json rows = Json::array();
  for (const RowCost& cost : costs) {
    rows.push_back({{"rows", cost.n_rows}, {"cost_over_one", cost.over_one}});
  }
  json["step_cost"] = std::move(rows);
  json["prompts"] = std::move(prompts);
  return json;
}

GenerateRequest request_of(const SpeculationBenchOptions& options, const Engine& engine,
                           const SpeculationPrompt& prompt) {
  GenerateRequest request;
  if (engine.describe().has_chat_template) {
    request.conversation().messages.push_back({.role = "user", .content = prompt.prompt});
  } else {
    request.prompt = prompt.prompt;
  }
  request.max_tokens = options.n_predict;
  request.samples[0] = options.sampling.params;
  request.samples[0].seed = options.seed;
  request.cache_scope = "bench";
  return request;
}

}  // namespace

Result<Json> bench_speculation(const SpeculationBenchOptions& options) {
  ModelFlags flags = options.model;
  // The second run of a prompt would find the first one's answer.
  flags.speculation.no_session = true;
  WHET_TRY(const SpeculationOptions speculation, flags.speculation.resolve());
  WHET_TRY(const std::vector<SpeculationPrompt> prompts, read_prompts(options));
  WHET_TRY(auto engine, flags.load());
  const CancelFlag* cancel = &interrupt_flag();
  const int n_arms = options.skip_vanilla ? 2 : 4;
  report::Progress progress("bench --speculative",
                            static_cast<int64_t>(prompts.size()) * options.iterations * n_arms);
  progress.update(0, "steps of several rows");
  WHET_TRY(const std::vector<RowCost> costs,
           measure_row_costs(*engine, std::min(kCostDepth, engine->context() / 2),
                             std::min(1 + speculation.n_max, engine->context() / 2),
                             kCostRepetitions, cancel));
  std::vector<MeasuredPrompt> measured;
  int64_t done = 0;
  for (const SpeculationPrompt& prompt : prompts) {
    progress.update(done, prompt.id);
    auto runs = measure_speculation(
        *engine, request_of(options, *engine, prompt),
        {.iterations = options.iterations, .skip_vanilla = options.skip_vanilla},
        [&] { progress.update(++done, prompt.id); }, cancel);
    if (!runs.ok()) return runs.error().with_context(prompt.id);
    MeasuredPrompt m{prompt, std::move(runs).value(), 1};
    if (!m.runs.vanilla.empty()) {
      const double one = stats::median(seconds_per_token(m.runs.vanilla)).value();
      double log_sum = 0;
      for (const SpeculationRun& run : m.runs.speculative) {
        log_sum += one > 0 ? std::log(predicted_speedup(run, costs, one)) : 0;
      }
      m.predicted = std::exp(log_sum / static_cast<double>(m.runs.speculative.size()));
    }
    measured.push_back(std::move(m));
  }
  progress.finish();
  return to_json(options, *engine, speculation, measured, costs);
}

namespace {

std::string number_of(const Json& json, const char* key) {
  return json.contains(key) && json[key].is_number()
             ? fmt::format("{:.2f}", json[key].get<double>())
             : "–";
}

void print_group(const Json& g, bool bold) {
  const bool has_interval = g.contains("low") && g["low"].is_number();
  const char* mark = bold ? "**" : "";
  fmt::print(
      "| {0}{1}{0} | {2} | {0}{3}{0} | {4} | {5} | {6} | {7} |\n", mark,
      g["category"].get<std::string>(), g["n_prompts"].get<size_t>(), number_of(g, "speedup"),
      has_interval ? number_of(g, "low") + " – " + number_of(g, "high") : "–",
      number_of(g, "predicted"), number_of(g, "acceptance"), number_of(g, "tokens_per_step"));
}

}  // namespace

void print_speculation_markdown(const Json& r) {
  const Json& config = r["config"];
  const auto file = [](const Json& path) {
    return std::filesystem::path(path.get<std::string>()).filename().string();
  };
  std::string types;
  for (const Json& type : config["spec_types"]) {
    types += (types.empty() ? "" : ", ") + type.get<std::string>();
  }
  fmt::print("{}, proposals from {}{}; {} ({}), {} threads; temperature {}, {} tokens\n\n",
             file(config["model"]), types,
             config["draft_model"].is_null() ? "" : " (" + file(config["draft_model"]) + ")",
             config["cpu_info"].get<std::string>(), config["isa"].get<std::string>(),
             config["threads"].get<int>(), config["temperature"].get<double>(),
             config["n_predict"].get<int64_t>());
  fmt::print(
      "| category | prompts | speed-up | 95 % interval | predicted | accepted | tokens per step "
      "|\n| --- | ---: | ---: | ---: | ---: | ---: | ---: |\n");
  for (const Json& category : r["categories"]) print_group(category, false);
  if (r["categories"].size() > 1) print_group(r["geometric_mean"], true);
  for (const char* arm : {"vanilla", "speculative"}) {
    if (r[arm].is_null() || r[arm]["tokens_per_second"].is_null()) continue;
    const Json& rate = r[arm]["tokens_per_second"];
    fmt::print("{}{}: {:.2f} tokens/s on average ({:.2f} to {:.2f}), first token {:.0f} ms\n",
               arm == std::string_view("vanilla") ? "\n" : "", arm, rate["mean"].get<double>(),
               rate["min"].get<double>(), rate["max"].get<double>(),
               r[arm]["time_to_first_token_ms"]["mean"].get<double>());
  }
  if (!r["worst_prompt"].is_null()) {
    fmt::print("worst prompt: {} ({})\n", r["worst_prompt"]["id"].get<std::string>(),
               number_of(r["worst_prompt"], "speedup"));
  }
  std::string costs;
  for (const Json& cost : r["step_cost"]) {
    costs += fmt::format("{}{}: {:.2f}", costs.empty() ? "" : ", ", cost["rows"].get<int64_t>(),
                         cost["cost_over_one"].get<double>());
  }
  fmt::print("a step of so many rows over one of one: {}\n", costs);
}

Result<std::string> draw_speculation(const Json& r) {
  std::vector<report::SpeedupRow> rows;
  const auto add = [&](const Json& group, const std::string& name) {
    if (!group.contains("speedup")) return;
    const auto value = [&](const char* key) {
      return group[key].is_number() ? std::optional(group[key].get<double>()) : std::nullopt;
    };
    rows.push_back(
        {name, group["speedup"].get<double>(), value("low"), value("high"), value("predicted")});
  };
  for (const Json& category : r["categories"]) {
    add(category, category["category"].get<std::string>());
  }
  if (r["categories"].size() > 1) add(r["geometric_mean"], "geometric mean");
  if (rows.empty()) {
    return Error(ErrorCode::kInvalidArgument, "no speed-ups to draw without vanilla runs");
  }
  const Json& config = r["config"];
  const auto stem = [](const Json& path) {
    return std::filesystem::path(path.get<std::string>()).stem().string();
  };
  const std::string draft =
      config["draft_model"].is_null() ? "" : "draft " + stem(config["draft_model"]) + "; ";
  return report::render_speedups(
      {.title = "Speculation: " + stem(config["model"]),
       .value = "tokens per second over those without",
       .subtitle =
           fmt::format("{}{}, {} threads, temperature {}, {} prompts, {} tokens each", draft,
                       config["cpu_info"].get<std::string>(), config["threads"].get<int>(),
                       config["temperature"].get<double>(), config["n_prompts"].get<size_t>(),
                       config["n_predict"].get<int64_t>())},
      rows);
}

}  // namespace whet
