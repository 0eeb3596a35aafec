// whet bench --scenarios: models, containers and engines on the same requests, in words, numbers
// and a picture.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "base/result.h"
#include "cli/model_flags.h"

namespace whet {

struct ScenarioBenchOptions {
  std::vector<std::string> models;  // files, directories, names or addresses
  ModelFlags flags;                 // how files are run
  std::string scenario_file;        // empty = the built-in ones
  int runs = 3;
};

/// Measures, all models in turn within each run of each scenario, with progress on stderr. Errors:
/// those of loading and of requests.
Result<nlohmann::ordered_json> bench_scenarios(const ScenarioBenchOptions& options);

/// Tables of what was measured, on stdout.
void print_scenarios_markdown(const nlohmann::ordered_json& result);

/// A line for each run, with a head.
std::string scenarios_csv(const nlohmann::ordered_json& result);

/// Speed over that of the first model, as SVG. Errors: those of gnuplot; one model only.
Result<std::string> draw_scenarios(const nlohmann::ordered_json& result);

}  // namespace whet
