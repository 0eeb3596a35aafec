#include "cli/scenario_measurement.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <memory>
#include <nlohmann/json.hpp>

#include "base/clock.h"
#include "bench/scenario.h"
#include "cli/interrupt.h"
#include "cli/model_type.h"
#include "cli/version.h"
#include "kernels/kernels.h"
#include "report/csv.h"
#include "report/progress.h"
#include "report/speedup_chart.h"
#include "stats/ratio.h"
#include "stats/sample.h"
#include "sys/file_bytes.h"
#include "sys/machine.h"

namespace whet {
namespace {

using Json = nlohmann::ordered_json;

constexpr uint64_t kMaxScenarioBytes = uint64_t{1} << 20;

struct Backend {
  std::string name;  // of the table: short, and different from all others
  std::string address;
  OpenedModel opened;
  int64_t load_ns = 0;
  bool ignores_eos = true;
};

struct MeasuredScenario {
  const Backend* backend;
  const Scenario* scenario;
  int run;
  ScenarioRun figures;
  std::optional<uint64_t> peak_rss_bytes;  // of this process, where it holds no other model
};

std::string container_of(const Backend& backend) {
  if (backend.opened.engine == nullptr) return "remote";
  const ModelFile& file = backend.opened.engine->loaded().file;
  if (file.container == ModelFile::Container::kGguf) return "GGUF";
  // mlx-lm names its quantization so in the configuration.
  const auto config = file.side_files.find("config.json");
  const bool is_mlx = config != file.side_files.end() &&
                      config->second.find("\"quantization\"") != std::string::npos;
  return is_mlx ? "MLX" : "SafeTensors";
}

/// The file's or directory's name, with a number behind it where it is not the only one.
std::string name_of(const std::string& address, const std::vector<Backend>& others) {
  std::filesystem::path path(address);
  if (path.filename().empty()) path = path.parent_path();
  const bool is_url = remote::is_address(address);
  std::string name = is_url ? address : path.filename().string();
  const auto taken = [&](const std::string& text) {
    return std::ranges::any_of(others, [&](const Backend& b) { return b.name == text; });
  };
  for (int n = 2; taken(name); ++n) {
    name = fmt::format("{} ({})", is_url ? address : path.filename().string(), n);
  }
  return name;
}

Result<Backend> open(const std::string& address, const ScenarioBenchOptions& options,
                     const std::vector<Backend>& others) {
  Backend backend{name_of(address, others), address, {}};
  const int64_t start_ns = monotonic_ns();
  if (remote::is_address(address)) {
    WHET_TRY(auto model, RemoteFlags().open(address));
    backend.ignores_eos = model->takes_ignore_eos();
    backend.opened.generator = std::move(model);
  } else {
    ModelFlags flags = options.flags;
    flags.model = address;
    WHET_TRY(auto engine, flags.load());
    backend.opened.engine = engine.get();
    backend.opened.generator = std::move(engine);
  }
  backend.load_ns = monotonic_ns() - start_ns;
  return backend;
}

Json backend_json(const Backend& backend) {
  const bool is_local = backend.opened.engine != nullptr;
  const ModelDescription& description = backend.opened.generator->describe();
  return {{"backend", backend.name},
          {"address", backend.address},
          {"container", container_of(backend)},
          {"type",
           is_local ? Json(weight_type_name(backend.opened.engine->loaded().file)) : Json(nullptr)},
          {"load_ms", is_local ? Json(static_cast<double>(backend.load_ns) * 1e-6) : Json(nullptr)},
          {"weight_bytes", description.n_bytes > 0 ? Json(description.n_bytes) : Json(nullptr)}};
}

Json run_json(const MeasuredScenario& m) {
  const ScenarioRun& f = m.figures;
  return {
      {"backend", m.backend->name},
      {"scenario", m.scenario->name},
      {"context_tokens", f.n_prompt_tok},
      {"run", m.run + 1},
      {"total_ms", f.total_s * 1e3},
      {"ttft_ms", f.first_token_s * 1e3},
      {"tpt_ms", f.seconds_per_token() * 1e3},
      {"throughput_tps", f.tokens_per_second()},
      {"generated_tokens", f.n_output_tok},
      {"cached_tokens", f.n_cached_tok},
      {"kv_committed_bytes", f.kv_committed_bytes > 0 ? Json(f.kv_committed_bytes) : Json(nullptr)},
      {"peak_rss_bytes", m.peak_rss_bytes ? Json(*m.peak_rss_bytes) : Json(nullptr)}};
}

template <class F>
std::vector<double> values_of(const std::vector<MeasuredScenario>& all, const Backend& backend,
                              const Scenario& scenario, F figure) {
  std::vector<double> values;
  for (const MeasuredScenario& m : all) {
    if (m.backend == &backend && m.scenario == &scenario) values.push_back(figure(m.figures));
  }
  return values;
}

/// Speed over the first backend's: runs are the units within a scenario, scenarios within all.
Json ratio_json(const std::optional<stats::Estimate>& ratio) {
  if (!ratio) return nullptr;
  Json json{{"value", ratio->value}, {"low", nullptr}, {"high", nullptr}};
  if (ratio->interval) {
    json["low"] = ratio->interval->low;
    json["high"] = ratio->interval->high;
  }
  return json;
}

double total_of(const ScenarioRun& run) {
  return run.total_s / static_cast<double>(run.n_output_tok);
}

Json summary_json(const std::vector<MeasuredScenario>& all, const std::vector<Backend>& backends,
                  const std::vector<Scenario>& scenarios) {
  Json summary = Json::array();
  for (const Backend& backend : backends) {
    stats::PairedTasks over_all;
    for (const Scenario& scenario : scenarios) {
      const auto median = [&](auto figure) {
        return *stats::median(values_of(all, backend, scenario, figure));
      };
      const auto mine = values_of(all, backend, scenario, total_of);
      const auto firsts = values_of(all, backends.front(), scenario, total_of);
      stats::PairedTasks by_run;
      for (size_t i = 0; i < mine.size(); ++i) by_run.push_back({{mine[i]}, {firsts[i]}});
      over_all.push_back({mine, firsts});
      summary.push_back(
          {{"backend", backend.name},
           {"scenario", scenario.name},
           {"ttft_ms", median([](const ScenarioRun& r) { return r.first_token_s * 1e3; })},
           {"tpt_ms", median([](const ScenarioRun& r) { return r.seconds_per_token() * 1e3; })},
           {"total_ms", median([](const ScenarioRun& r) { return r.total_s * 1e3; })},
           {"throughput_tps", median([](const ScenarioRun& r) { return r.tokens_per_second(); })},
           {"speed_over_first", ratio_json(stats::estimate_ratio(by_run))}});
    }
    summary.push_back({{"backend", backend.name},
                       {"scenario", "all"},
                       {"speed_over_first", ratio_json(stats::estimate_ratio(over_all))}});
  }
  return summary;
}

}  // namespace

Result<Json> bench_scenarios(const ScenarioBenchOptions& options) {
  std::vector<Scenario> scenarios = built_in_scenarios();
  if (!options.scenario_file.empty()) {
    WHET_TRY(const std::string text, read_file(options.scenario_file, kMaxScenarioBytes));
    WHET_TRY(scenarios, parse_scenarios(text, options.scenario_file));
  }
  std::vector<Backend> backends;
  for (const std::string& model : options.models) {
    WHET_TRY(Backend backend, open(model, options, backends));
    backends.push_back(std::move(backend));
  }
  const CancelFlag* cancel = &interrupt_flag();
  std::vector<ScenarioSubject> subjects;
  for (const Backend& b : backends) subjects.emplace_back(*b.opened.generator, b.ignores_eos);
  const auto n_per_round = static_cast<int64_t>(scenarios.size() * backends.size());
  report::Progress progress("bench --scenarios",
                            n_per_round * options.runs + static_cast<int64_t>(backends.size()));
  int64_t n_done = 0;
  uint64_t index = 0;
  for (size_t b = 0; b < backends.size(); ++b) {  // warms up, and finds how long prompts are
    auto warm = subjects[b].run(scenarios.front(), index++, cancel);
    if (!warm.ok()) return warm.error().with_context(backends[b].name);
    progress.update(++n_done, "warming up");
  }
  std::vector<MeasuredScenario> measured;
  for (int run = 0; run < options.runs; ++run) {
    for (const Scenario& scenario : scenarios) {
      for (size_t i = 0; i < backends.size(); ++i) {
        // Another one begins each time, so that none always follows the same.
        const size_t b = (i + static_cast<size_t>(run)) % backends.size();
        const bool is_alone = backends.size() == 1 && backends[b].opened.engine != nullptr;
        const bool has_new_peak = is_alone && reset_peak_rss();
        auto figures = subjects[b].run(scenario, index++, cancel);
        if (!figures.ok()) return figures.error().with_context(backends[b].name);
        measured.push_back({&backends[b], &scenario, run, *figures,
                            has_new_peak ? peak_rss_bytes() : std::nullopt});
        progress.update(++n_done, scenario.name);
      }
    }
  }
  progress.finish();
  Json json{{"schema", "whet-bench-scenarios/1"},
            {"config",
             {{"runs", options.runs},
              {"cpu_info", machine_info().cpu_name},
              {"isa", kernels::isa_name(kernels::kernels().isa)},
              {"build_commit", commit_string()},
              {"threads", nullptr}}},
            {"backends", Json::array()},
            {"scenarios", Json::array()},
            {"summary", summary_json(measured, backends, scenarios)},
            {"runs", Json::array()}};
  for (const Backend& backend : backends) {
    json["backends"].push_back(backend_json(backend));
    if (backend.opened.engine != nullptr) {
      json["config"]["threads"] = backend.opened.engine->threads();
    }
  }
  for (const Scenario& s : scenarios) {
    json["scenarios"].push_back(
        {{"name", s.name}, {"prompt_tokens", s.n_prompt}, {"generated_tokens", s.n_gen}});
  }
  for (const MeasuredScenario& m : measured) json["runs"].push_back(run_json(m));
  return json;
}

namespace {

std::string text_of(const Json& value, double scale, const char* format) {
  return value.is_number() ? fmt::format(fmt::runtime(format), value.get<double>() * scale) : "–";
}

std::string ratio_text(const Json& ratio) {
  if (!ratio.is_object()) return "–";
  if (!ratio["low"].is_number()) return text_of(ratio["value"], 1, "{:.2f}");
  return fmt::format("{} [{}, {}]", text_of(ratio["value"], 1, "{:.2f}"),
                     text_of(ratio["low"], 1, "{:.2f}"), text_of(ratio["high"], 1, "{:.2f}"));
}

}  // namespace

void print_scenarios_markdown(const Json& r) {
  fmt::print("{} ({}); medians of {} runs, models in turn\n\n",
             r["config"]["cpu_info"].get<std::string>(), r["config"]["isa"].get<std::string>(),
             r["config"]["runs"].get<int>());
  fmt::print("| model | container | type | weights | load |\n|---|---|---|---:|---:|\n");
  for (const Json& b : r["backends"]) {
    fmt::print("| {} | {} | {} | {} | {} |\n", b["backend"].get<std::string>(),
               b["container"].get<std::string>(),
               b["type"].is_string() ? b["type"].get<std::string>() : "–",
               text_of(b["weight_bytes"], 1e-6, "{:.0f} MB"),
               text_of(b["load_ms"], 1, "{:.0f} ms"));
  }
  fmt::print(
      "\n| scenario | model | first token | per token | in all | tokens/s | speed over the first "
      "[95 %] |\n|---|---|---:|---:|---:|---:|---:|\n");
  // By scenario, so that what is compared stands together.
  Json scenarios = r["scenarios"];
  scenarios.push_back({{"name", "all"}});
  for (const Json& scenario : scenarios) {
    for (const Json& s : r["summary"]) {
      if (s["scenario"] != scenario["name"]) continue;
      const auto ms = [&](const char* key) {
        return s.contains(key) ? text_of(s[key], 1, "{:.1f} ms") : std::string("–");
      };
      fmt::print("| {} | {} | {} | {} | {} | {} | {} |\n", s["scenario"].get<std::string>(),
                 s["backend"].get<std::string>(), ms("ttft_ms"), ms("tpt_ms"), ms("total_ms"),
                 s.contains("throughput_tps") ? text_of(s["throughput_tps"], 1, "{:.1f}") : "–",
                 ratio_text(s["speed_over_first"]));
    }
  }
}

std::string scenarios_csv(const Json& r) {
  std::string text;
  for (const auto& [key, value] : r["runs"].front().items()) {
    text += (text.empty() ? "" : ",") + key;
  }
  text += "\n";
  for (const Json& run : r["runs"]) {
    std::string line;
    for (const auto& [key, value] : run.items()) {
      if (key != "backend") line += ",";
      if (value.is_string()) line += report::csv_field(value.get<std::string>());
      if (value.is_number()) line += value.dump();
    }
    text += line + "\n";
  }
  return text;
}

Result<std::string> draw_scenarios(const Json& r) {
  if (r["backends"].size() < 2) {
    return Error(ErrorCode::kInvalidArgument, "no speeds to compare with one model only");
  }
  const std::string first = r["backends"].front()["backend"].get<std::string>();
  std::vector<report::SpeedupRow> rows;
  for (const Json& s : r["summary"]) {
    const Json& ratio = s["speed_over_first"];
    if (s["backend"] == first || !ratio.is_object()) continue;
    const auto bound = [&](const char* key) {
      return ratio[key].is_number() ? std::optional(ratio[key].get<double>()) : std::nullopt;
    };
    const std::string scenario = s["scenario"].get<std::string>();
    rows.push_back({r["backends"].size() > 2
                        ? fmt::format("{}: {}", scenario, s["backend"].get<std::string>())
                        : scenario,
                    ratio["value"].get<double>(), bound("low"), bound("high"), std::nullopt});
  }
  std::string others;
  for (const Json& b : r["backends"]) {
    if (b["backend"] != first)
      others += (others.empty() ? "" : ", ") + b["backend"].get<std::string>();
  }
  return report::render_speedups(
      {.title = "Speed over " + first,
       .value = "tokens per second over " + first + "'s",
       .subtitle =
           fmt::format("{}; {}, medians of {} runs", others,
                       r["config"]["cpu_info"].get<std::string>(), r["config"]["runs"].get<int>())},
      rows);
}

}  // namespace whet
