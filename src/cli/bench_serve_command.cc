// whet bench serve: whet, llama-server, Ollama, vLLM under load, in one table.
#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <memory>
#include <nlohmann/json.hpp>

#include "bench/serving.h"
#include "cli/commands.h"
#include "cli/interrupt.h"
#include "cli/remote_flags.h"
#include "cli/terminal.h"
#include "cli/version.h"
#include "report/progress.h"
#include "sys/json_text.h"
#include "sys/machine.h"

namespace whet {
namespace {

using Json = nlohmann::ordered_json;

constexpr int kMostAtOnce = 4096;

struct BenchServeFlags {
  std::vector<std::string> endpoints;
  std::string concurrency = "1", rate;
  ServingLoad load;
  int rounds = 3;
  std::string output = "md";
};

/// One engine and what was measured of it.
struct Row {
  std::string endpoint, engine, model;
  ServingLoad load;
  std::vector<ServingRun> runs;
};

Result<std::vector<double>> numbers(std::string_view flag, const std::string& text) {
  std::vector<double> values;
  for (size_t begin = 0; begin <= text.size() && !text.empty();) {
    const size_t end = std::min(text.find(',', begin), text.size());
    double value = 0;
    const auto read = std::from_chars(text.data() + begin, text.data() + end, value);
    if (read.ec != std::errc() || read.ptr != text.data() + end || !(value > 0) || value > 1e4) {
      return Error(ErrorCode::kInvalidArgument,
                   fmt::format("{}: expected numbers above 0 as 1,4,16, found \"{}\"", flag, text));
    }
    values.push_back(value);
    begin = end + 1;
  }
  return values;
}

Result<std::vector<ServingLoad>> loads_of(const BenchServeFlags& options) {
  std::vector<ServingLoad> loads;
  WHET_TRY(const auto rates, numbers("--rate", options.rate));
  WHET_TRY(const auto clients, numbers("--concurrency", options.concurrency));
  for (const double n : rates.empty() ? clients : rates) {
    ServingLoad load = options.load;
    if (rates.empty()) {
      load.concurrency = static_cast<int>(n);
      if (load.concurrency != n || load.concurrency > kMostAtOnce) {
        return Error(
            ErrorCode::kInvalidArgument,
            fmt::format("--concurrency: expected whole numbers to {}, found {}", kMostAtOnce, n));
      }
    } else {
      load.rate = n;
    }
    load.n_requests = (options.load.n_requests + options.rounds - 1) / options.rounds;
    loads.push_back(load);
  }
  return loads;
}

Json interval_json(const std::optional<stats::Interval>& interval, double scale = 1) {
  if (!interval) return nullptr;
  return {interval->low * scale, interval->high * scale};
}

Json times_json(const ServingFigures::Times& times) {
  const auto ms = [](const std::optional<double>& s) { return s ? Json(*s * 1e3) : Json(nullptr); };
  return {{"n", times.n},
          {"mean_ms", ms(times.mean)},
          {"p50_ms", ms(times.p50)},
          {"p50_interval_ms", interval_json(times.p50_interval, 1e3)},
          {"p90_ms", ms(times.p90)},
          {"p95_ms", ms(times.p95)},
          {"p99_ms", ms(times.p99)}};
}

Json to_json(const Row& row) {
  const ServingFigures f = serving_figures(row.runs);
  const double n = std::max<double>(1, static_cast<double>(f.n_ok));
  return {{"schema", "whet-bench-serve/1"},
          {"endpoint", row.endpoint},
          {"engine", row.engine},
          {"model", row.model},
          {"load", row.load.rate > 0 ? "open" : "closed"},
          {"concurrency", row.load.rate > 0 ? Json(nullptr) : Json(row.load.concurrency)},
          {"rate", row.load.rate > 0 ? Json(row.load.rate) : Json(nullptr)},
          {"rounds", row.runs.size()},
          {"requests", f.n_ok},
          {"failed", f.n_failed},
          {"prompt_tokens_mean", static_cast<double>(f.n_prompt_tok) / n},
          {"cached_tokens_mean", static_cast<double>(f.n_cached_tok) / n},
          {"output_tokens_mean", static_cast<double>(f.n_output_tok) / n},
          {"seconds", f.seconds},
          {"requests_per_second", f.requests_per_second},
          {"output_tokens_per_second", f.output_tokens_per_second},
          {"output_tokens_per_second_interval", interval_json(f.output_rate_interval)},
          {"ttft", times_json(f.ttft)},
          {"tpot", times_json(f.tpot)},
          {"itl", times_json(f.itl)},
          {"latency", times_json(f.latency)},
          {"client_commit", commit_string()},
          {"client_cpu", machine_info().cpu_name}};
}

std::string figure(const Json& value) {
  if (!value.is_number()) return "–";
  const double x = value.get<double>();
  return x >= 100 ? fmt::format("{:.0f}", x) : fmt::format("{:.3g}", x);
}
std::string with_interval(const Json& value, const Json& interval) {
  if (!interval.is_array()) return figure(value);
  return fmt::format("{} ({} – {})", figure(value), figure(interval[0]), figure(interval[1]));
}

void print_serving_markdown(const std::vector<Json>& rows) {
  fmt::print(
      "| engine | load | requests | failed | prompt tok | cached tok | output tok | out tok/s | "
      "TTFT "
      "ms p50 | p95 | TPOT ms p50 | p95 | ITL ms p50 | p99 | latency ms p50 | p95 |\n"
      "|---|---|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|\n");
  for (const Json& r : rows) {
    fmt::print(
        "| {} {} | {} | {} | {} | {} | {} | {} | {} | {} | {} | {} | {} | {} | {} | {} | {} |\n",
        r["engine"].get<std::string>(), r["endpoint"].get<std::string>(),
        r["load"] == "open" ? figure(r["rate"]) + "/s" : figure(r["concurrency"]) + " at once",
        r["requests"].get<int64_t>(), r["failed"].get<int64_t>(), figure(r["prompt_tokens_mean"]),
        figure(r["cached_tokens_mean"]), figure(r["output_tokens_mean"]),
        with_interval(r["output_tokens_per_second"], r["output_tokens_per_second_interval"]),
        with_interval(r["ttft"]["p50_ms"], r["ttft"]["p50_interval_ms"]),
        figure(r["ttft"]["p95_ms"]),
        with_interval(r["tpot"]["p50_ms"], r["tpot"]["p50_interval_ms"]),
        figure(r["tpot"]["p95_ms"]), figure(r["itl"]["p50_ms"]), figure(r["itl"]["p99_ms"]),
        with_interval(r["latency"]["p50_ms"], r["latency"]["p50_interval_ms"]),
        figure(r["latency"]["p95_ms"]));
  }
}

void print_serving_csv(const std::vector<Json>& rows) {
  bool header = true;
  for (const Json& row : rows) {
    std::string names, values;
    for (const auto& [path, value] : row.flatten().items()) {
      std::string name = path.substr(1), text = value.is_string() ? value.get<std::string>()
                                                : value.is_null() ? ""
                                                                  : value.dump();
      // An interval that is missing is one empty field, one that is there two: name both alike.
      std::replace(name.begin(), name.end(), '/', '.');
      for (size_t at = 0; (at = text.find('"', at)) != text.npos; at += 2) text.insert(at, 1, '"');
      names += (names.empty() ? "" : ",") + name;
      values += (values.empty() ? "\"" : ",\"") + text + "\"";
    }
    if (std::exchange(header, false)) fmt::print("{}\n", names);
    fmt::print("{}\n", values);
  }
}

/// Rounds go over engines and loads, so that a slow spell of the machine hits all of them.
Result<std::vector<Row>> measure_loads(const BenchServeFlags& options,
                                       const std::vector<ServingLoad>& loads) {
  struct Target {
    std::unique_ptr<remote::RemoteGenerator> model;
    int64_t n_words = 0;
  };
  const CancelFlag* cancel = &interrupt_flag();
  std::vector<Target> targets;
  for (const std::string& address : options.endpoints) {
    RemoteFlags flags;
    flags.most_per_endpoint = kMostAtOnce;  // the load decides
    WHET_TRY(auto model, flags.open(address));
    const UniquePrompts prompts(options.load.seed);
    WHET_TRY(const int64_t n_words,
             words_for_tokens(*model, prompts, options.load.prompt_tokens, cancel));
    targets.push_back({std::move(model), n_words});
  }
  std::vector<Row> rows;
  for (size_t t = 0; t < targets.size(); ++t) {
    for (const ServingLoad& load : loads) {
      Row row{options.endpoints[t],
              std::string(targets[t].model->engine()),
              targets[t].model->describe().name,
              load,
              {}};
      row.load.ignore_eos = targets[t].model->takes_ignore_eos();
      if (!row.load.ignore_eos) {
        print_note(
            fmt::format("{}: cannot be told to go on, so answers may be shorter", row.endpoint));
      }
      rows.push_back(std::move(row));
    }
  }
  int64_t n_done = 0, n_all = 0;
  for (const Row& row : rows) n_all += row.load.n_requests * options.rounds;
  report::Progress progress("bench serve", n_all);
  uint64_t first_prompt = 0;
  for (int round = 0; round < options.rounds; ++round) {
    for (size_t i = 0; i < rows.size(); ++i) {
      Row& row = rows[i];
      Target& target = targets[i / loads.size()];
      WHET_TRY(ServingRun run,
               run_serving(*target.model, row.load, target.n_words, first_prompt, cancel,
                           [&](int64_t n) { progress.update(n_done + n, row.endpoint); })
                   .with_context(row.endpoint));
      row.runs.push_back(std::move(run));
      n_done += row.load.n_requests;
      first_prompt += static_cast<uint64_t>(row.load.n_requests + row.load.n_warmup);
    }
  }
  progress.finish();
  return rows;
}

int run_bench_serve(const BenchServeFlags& options) {
  const auto loads = loads_of(options);
  if (!loads.ok()) return fail(loads.error());
  const auto rows = measure_loads(options, *loads);
  if (!rows.ok()) return fail(rows.error());
  std::vector<Json> documents;
  for (const Row& row : *rows) documents.push_back(to_json(row));
  if (options.output == "json") {
    fmt::print("{}\n", json_text(Json(documents), 2));
  } else if (options.output == "jsonl") {
    for (const Json& document : documents) fmt::print("{}\n", json_text(document));
  } else if (options.output == "csv") {
    print_serving_csv(documents);
  } else {
    print_serving_markdown(documents);
  }
  for (const Row& row : *rows) {
    for (const ServingRun& measured : row.runs) {
      for (const ServingSample& sample : measured.samples) {
        if (!sample.error) continue;
        print_warning(
            fmt::format("some requests failed, the first with: {}", sample.error->message()));
        return exit_status(sample.error->code());
      }
    }
  }
  return 0;
}

}  // namespace

Command make_bench_serve_command() {
  auto options = std::make_shared<BenchServeFlags>();
  Command command("bench serve", "Servers under load, as their clients see them");
  command
      .add("ENDPOINT,--endpoint", &options->endpoints,
           "http://HOST:PORT/v1#MODEL or ollama://HOST/MODEL; may be repeated, a row each")
      .value_name("ADDRESS")
      .required();
  command
      .add("--concurrency,--max-concurrency", &options->concurrency,
           "closed loop: requests at once; a list as 1,4,16 is a row each")
      .value_name("N,...");
  command
      .add("--rate,--request-rate", &options->rate,
           "open loop instead: requests per second, at random (Poisson); a list")
      .value_name("X,...");
  command.add("-n,--requests,--num-prompts", &options->load.n_requests, "requests of each row")
      .between(1, 1e6);
  command.add("-p,--prompt-tokens", &options->load.prompt_tokens, "tokens of a prompt, nearly")
      .between(8, 1e6);
  command.add("-o,--output-tokens", &options->load.output_tokens, "tokens of an answer")
      .between(1, 1e6);
  command.add("--warmup", &options->load.n_warmup, "uncounted requests before each round")
      .between(0, 1e4);
  command
      .add("--rounds", &options->rounds, "rounds over all rows; from 3 on the rate has an interval")
      .between(1, 1000);
  command.add("-s,--seed", &options->load.seed, "seed of prompts and arrivals");
  command.add("--format", &options->output, "form of the output")
      .one_of({"md", "json", "jsonl", "csv"});
  command.footer(
      "TTFT: from when a request was due to its first token. TPOT: first to last token over the\n"
      "tokens behind the first. ITL: between arrivals of tokens. Latency: due to last token. All "
      "as\n"
      "this client sees them. Prompts share no beginning; what a server found in its cache all "
      "the\n"
      "same is shown. Intervals are 95 %: bootstrap over requests (p50), over rounds (tok/s). A\n"
      "percentile is left out where too few requests lie above it.\n");
  command.action([options] { return run_bench_serve(*options); });
  return command;
}

}  // namespace whet
