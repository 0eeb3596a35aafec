#include "cli/speed_rows.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <string_view>
#include <utility>

#include "cli/model_flags.h"
#include "cli/model_type.h"
#include "cli/version.h"
#include "kernels/kernels.h"
#include "results/event_log.h"
#include "stats/bootstrap.h"
#include "stats/sample.h"
#include "sys/json_text.h"
#include "sys/machine.h"

namespace whet {
namespace {

using Json = nlohmann::ordered_json;

double mean(const std::vector<double>& values) {
  double sum = 0;
  for (double v : values) sum += v;
  return sum / static_cast<double>(values.size());
}

Json stddev(const std::vector<double>& values) {
  if (values.size() < 2) return nullptr;
  double m = mean(values), sum = 0;
  for (double v : values) sum += (v - m) * (v - m);
  return std::sqrt(sum / static_cast<double>(values.size() - 1));
}

std::string number(const Json& value, const char* format = "{:.2f}") {
  return value.is_number() ? fmt::format(fmt::runtime(format), value.get<double>()) : "–";
}

std::string scaled(const Json& value, double scale, const char* format) {
  return value.is_number() ? fmt::format(fmt::runtime(format), value.get<double>() * scale) : "–";
}

size_t columns_of(std::string_view utf8) {
  return static_cast<size_t>(
      std::count_if(utf8.begin(), utf8.end(), [](char c) { return (c & 0xc0) != 0x80; }));
}

/// A table whose columns line up in a terminal too.
void print_markdown(const std::vector<Json>& rows) {
  using Line = std::vector<std::string>;
  constexpr std::string_view kTextColumns[] = {"model", "isa", "test"};
  std::vector<Line> lines{{"model", "size", "params", "isa", "threads", "test", "t/s median",
                           "95 % interval", "cost over x1", "of roofline", "GB/s of weights",
                           "read GB/s", "peak RSS"}};
  for (const Json& r : rows) {
    const bool has_interval = r["low_ts"].is_number();
    lines.push_back({r["model_type"].get<std::string>(), scaled(r["model_size"], 1e-6, "{:.2f} MB"),
                     scaled(r["model_n_params"], 1e-6, "{:.2f} M"), r["isa"].get<std::string>(),
                     scaled(r["n_threads"], 1, "{:.0f}"), r["test"].get<std::string>(),
                     number(r["median_ts"]),
                     has_interval ? number(r["low_ts"]) + " – " + number(r["high_ts"]) : "–",
                     number(r["cost_over_one"]), number(r["of_roofline"]),
                     number(r["weights_gb_per_second"]), number(r["read_gb_per_second"]),
                     r["peak_rss_bytes"].is_null()
                         ? "–"
                         : fmt::format("{:.0f} MB", r["peak_rss_bytes"].get<double>() * 1e-6)});
  }
  std::vector<size_t> widths(lines[0].size());
  for (const Line& line : lines) {
    for (size_t i = 0; i < line.size(); ++i) widths[i] = std::max(widths[i], columns_of(line[i]));
  }
  const auto is_text = [&](size_t i) {
    return std::find(std::begin(kTextColumns), std::end(kTextColumns), lines[0][i]) !=
           std::end(kTextColumns);
  };
  for (size_t n = 0; n < lines.size(); ++n) {
    std::string row = "|", rule = "|";
    for (size_t i = 0; i < widths.size(); ++i) {
      const std::string pad(widths[i] - columns_of(lines[n][i]), ' ');
      row += fmt::format(" {}{}{} |", is_text(i) ? "" : pad, lines[n][i], is_text(i) ? pad : "");
      rule += fmt::format(" {:-<{}}{} |", "", widths[i] - 1, is_text(i) ? '-' : ':');
    }
    fmt::print("{}\n", row);
    if (n == 0) fmt::print("{}\n", rule);
  }
}

void print_csv(const std::vector<Json>& rows) {
  bool header = true;
  for (const Json& row : rows) {
    std::string names, values;
    for (auto& [key, value] : row.items()) {
      std::string text = value.is_string() ? value.get<std::string>()
                         : value.is_null() ? ""
                                           : json_text(value);
      for (size_t at = 0; (at = text.find('"', at)) != text.npos; at += 2) text.insert(at, 1, '"');
      names += (names.empty() ? "" : ",") + key;
      values += (values.empty() ? "\"" : ",\"") + text + "\"";
    }
    if (std::exchange(header, false)) fmt::print("{}\n", names);
    fmt::print("{}\n", values);
  }
}

}  // namespace

Json speed_row(const std::string& path, const Engine& engine, const SpeedSamples& samples,
               const Ceilings& ceilings) {
  const ModelFile& file = engine.loaded().file;
  uint64_t size = 0, weights = 0;
  for (const TensorEntry& t : file.tensors) {
    uint64_t n = 1;
    for (uint64_t d : t.shape) n *= d;
    size += t.bytes.size();
    weights += n;
  }
  std::vector<double> rates = samples.tokens_per_second();
  std::vector<double> ns(samples.ns.begin(), samples.ns.end());
  double median = stats::median(rates).value();
  auto interval = stats::bootstrap_percentile(rates.size(),
                                              [&](std::span<const uint32_t> indices) {
                                                std::vector<double> drawn;
                                                for (uint32_t i : indices)
                                                  drawn.push_back(rates[i]);
                                                return stats::median(drawn).value();
                                              },
                                              {});
  const SpeedCase& test = samples.test;
  bool decodes = test.n_gen > 0 && test.n_prompt == 0;
  double steps_per_second = median / static_cast<double>(test.n_parallel);
  double weight_rate = steps_per_second * static_cast<double>(bytes_per_step(engine));
  const auto fastest = roofline_seconds(engine, test, ceilings);
  const double roofline = fastest ? static_cast<double>(samples.tokens()) / *fastest : 0;
  const auto& read = ceilings.read_bytes_per_second;
  return {{"schema", "whet-bench/1"},
          {"build_commit", commit_string()},
          {"build_compiler", compiler_string()},
          {"cpu_info", machine_info().cpu_name},
          {"isa", kernels::isa_name(kernels::kernels().isa)},
          {"model_filename", path},
          {"model_type",
           fmt::format("{} {}", engine.loaded().model.config.architecture, weight_type_name(file))},
          {"model_size", size},
          {"model_n_params", weights},
          {"n_batch", engine.batch()},
          {"n_threads", engine.threads()},
          {"type_k", cache_type_name(engine.kv_shape().type)},
          {"type_v", cache_type_name(engine.kv_shape().type)},
          {"exact", engine.exact()},
          {"use_mmap", engine.loaded().storage == WeightStorage::kMapped},
          {"repack", engine.loaded().storage == WeightStorage::kInterleaved},
          {"sparse_share",
           engine.sparse_rows() == SparseRows::kNone ? 0.0 : engine.loaded().model.sparsity->share},
          {"test", test.name()},
          {"n_prompt", test.n_prompt},
          {"n_gen", test.n_gen},
          {"n_depth", test.n_depth},
          {"n_parallel", test.n_parallel},
          {"test_time", results::utc_now()},
          {"avg_ns", mean(ns)},
          {"stddev_ns", stddev(ns)},
          {"avg_ts", mean(rates)},
          {"stddev_ts", stddev(rates)},
          {"median_ts", median},
          {"low_ts", interval ? Json(interval->low) : nullptr},
          {"high_ts", interval ? Json(interval->high) : nullptr},
          {"samples_ns", samples.ns},
          {"samples_ts", rates},
          {"weights_gb_per_second", decodes ? Json(weight_rate * 1e-9) : nullptr},
          {"read_gb_per_second", read ? Json(*read * 1e-9) : nullptr},
          {"int8_gmac_per_second", ceilings.arithmetic.int8_macs_per_second * 1e-9},
          {"float_gmac_per_second", ceilings.arithmetic.float_macs_per_second * 1e-9},
          {"bf16_gmac_per_second", ceilings.arithmetic.bf16_macs_per_second * 1e-9},
          {"roofline_ts", fastest ? Json(roofline) : nullptr},
          {"of_roofline", fastest ? Json(median / roofline) : nullptr},
          {"cost_over_one", nullptr},
          {"peak_rss_bytes", samples.peak_rss_bytes ? Json(*samples.peak_rss_bytes) : nullptr}};
}

void compare_with_one(std::vector<Json>& rows) {
  for (Json& row : rows) {
    for (const Json& one : rows) {
      const auto same = [&](const char* key) { return row[key] == one[key]; };
      if (one["n_parallel"] != 1 || !same("model_filename") || !same("n_threads") ||
          !same("n_prompt") || !same("n_gen") || !same("n_depth")) {
        continue;
      }
      row["cost_over_one"] = row["n_parallel"].get<double>() * one["median_ts"].get<double>() /
                             row["median_ts"].get<double>();
    }
  }
}

void print_speed_rows(const std::vector<Json>& rows, const std::string& form) {
  if (form == "json") {
    fmt::print("{}\n", json_text(Json(rows), 2));
  } else if (form == "jsonl") {
    for (const Json& row : rows) fmt::print("{}\n", json_text(row));
  } else if (form == "csv") {
    print_csv(rows);
  } else {
    print_markdown(rows);
  }
}

}  // namespace whet
