#include "cli/bench_modes.h"

#include <fmt/format.h>

#include <filesystem>
#include <nlohmann/json.hpp>
#include <utility>

#include "cli/kv_measurement.h"
#include "cli/scenario_measurement.h"
#include "cli/terminal.h"
#include "sys/json_text.h"
#include "sys/pending_file.h"

namespace whet {
namespace {

using Json = nlohmann::ordered_json;

}  // namespace

int bench_mode_kv(const BenchOptions& options) {
  if (options.output == "csv") {
    return fail(Error(ErrorCode::kInvalidArgument, "-o: --kv knows md, json and jsonl, found csv"));
  }
  auto threads = parse_counts("-t", options.threads);
  if (!threads.ok()) return fail(threads.error());
  auto cache_type = options.cache.type();
  if (!cache_type.ok()) return fail(cache_type.error());
  Json results = Json::array();
  for (const std::string& model : options.models) {
    for (int64_t t : *threads) {
      auto measured =
          bench_kv(model, options.storage, *cache_type, static_cast<int>(t), options.repetitions);
      if (!measured.ok()) return fail(measured.error());
      if (options.output == "md") print_kv_markdown(*measured);
      if (options.output == "jsonl") fmt::print("{}\n", measured->dump());
      results.push_back(std::move(measured).value());
    }
  }
  if (options.output == "json") fmt::print("{}\n", results.dump(2));
  return 0;
}

int bench_mode_speculative(const BenchOptions& given) {
  SpeculationBenchOptions options = given.speculation;
  if (given.models.size() != 1) {
    return fail(Error(ErrorCode::kInvalidArgument,
                      fmt::format("--speculative: expected one model, found {}; the one that "
                                  "drafts is -md",
                                  given.models.size())));
  }
  const auto threads = parse_threads(given.threads);
  if (!threads.ok()) return fail(threads.error());
  const auto n_predict = parse_count(given.n_gen);
  if (!n_predict || *n_predict < 2) {
    return fail(Error(ErrorCode::kInvalidArgument,
                      fmt::format("-n: expected 2 or more tokens, found \"{}\"", given.n_gen)));
  }
  options.model.model = given.models.front();
  options.model.engine.threads = *threads;
  options.model.engine.batch = given.batch;
  options.model.cache = given.cache;
  options.model.storage = given.storage;
  options.n_predict = *n_predict;
  const bool to_file = !is_bench_form(given.output);
  if (given.output == "csv" || given.output == "jsonl") {
    return fail(Error(ErrorCode::kInvalidArgument,
                      "-o: --speculative knows md, json and FILE.json, found " + given.output));
  }
  auto measured = bench_speculation(options);
  if (!measured.ok()) return fail(measured.error());
  if (given.output == "json") {
    fmt::print("{}\n", json_text(*measured, 2));
    return 0;
  }
  print_speculation_markdown(*measured);
  if (!to_file) return 0;
  const std::string text = json_text(*measured, 1) + "\n";
  if (Status written = write_file_atomically(given.output, text); !written.ok()) {
    return fail(written.error());
  }
  if (options.skip_vanilla) return 0;
  const auto picture = draw_speculation(*measured);
  if (!picture.ok()) {
    print_warning("no picture: " + picture.error().message());
    return 0;
  }
  const std::string picture_path =
      std::filesystem::path(given.output).replace_extension(".svg").string();
  if (Status written = write_file_atomically(picture_path, *picture); !written.ok()) {
    return fail(written.error());
  }
  return 0;
}

int bench_mode_scenarios(const BenchOptions& given) {
  const auto threads = parse_threads(given.threads);
  if (!threads.ok()) return fail(threads.error());
  if (given.output == "jsonl") {
    return fail(Error(ErrorCode::kInvalidArgument,
                      "-o: --scenarios knows md, json, csv and FILE.json, found jsonl"));
  }
  ScenarioBenchOptions options{.models = given.models,
                               .flags = {},
                               .scenario_file = given.scenario_file,
                               .runs = given.scenario_runs};
  options.flags.engine.threads = *threads;
  options.flags.engine.batch = given.batch;
  options.flags.cache = given.cache;
  options.flags.storage = given.storage;
  options.flags.speculation.types = "none";
  const auto measured = bench_scenarios(options);
  if (!measured.ok()) return fail(measured.error());
  if (given.output == "json") {
    fmt::print("{}\n", json_text(*measured, 1));
    return 0;
  }
  if (given.output == "csv") {
    fmt::print("{}", scenarios_csv(*measured));
    return 0;
  }
  print_scenarios_markdown(*measured);
  if (given.output == "md") return 0;
  const auto beside = [&](const char* extension) {
    return std::filesystem::path(given.output).replace_extension(extension).string();
  };
  for (const auto& [path, text] : {std::pair{given.output, json_text(*measured, 1) + "\n"},
                                   std::pair{beside(".csv"), scenarios_csv(*measured)}}) {
    if (Status written = write_file_atomically(path, text); !written.ok()) {
      return fail(written.error());
    }
  }
  if (given.models.size() < 2) return 0;
  const auto picture = draw_scenarios(*measured);
  if (!picture.ok()) {
    print_warning("no picture: " + picture.error().message());
    return 0;
  }
  const Status written = write_file_atomically(beside(".svg"), *picture);
  return written.ok() ? 0 : fail(written.error());
}

}  // namespace whet
