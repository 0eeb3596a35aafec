#include "report/technique_table.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <functional>
#include <map>
#include <nlohmann/json.hpp>

#include "report/text.h"
#include "stats/ratio.h"
#include "sys/file_bytes.h"

namespace whet::report {
namespace {

using results::Event;

constexpr int kLeastVariantWidth = 12;
constexpr std::string_view kSchema = "whet-compare/1";

int64_t n_code_points(const std::string& text) {
  return std::count_if(text.begin(), text.end(),
                       [](char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; });
}

double characters(const Event& event) {
  return static_cast<double>(n_code_points(event.answer.value_or("")));
}

/// The quantity of each run of two rows, by task; runs that ended in an error count nowhere.
stats::PairedTasks paired(const std::vector<Event>& events, const std::string& baseline,
                          const std::string& row, const std::function<double(const Event&)>& of) {
  std::map<std::string, stats::PairedTask> tasks;
  for (const Event& event : events) {
    if (event.warmup || event.error) continue;
    if (event.strategy == baseline) tasks[event.task].baseline.push_back(of(event));
    if (event.strategy == row) tasks[event.task].strategy.push_back(of(event));
  }
  stats::PairedTasks list;
  for (auto& [name, task] : tasks) list.push_back(std::move(task));
  return list;
}

nlohmann::ordered_json to_json(const std::optional<stats::Estimate>& ratio) {
  if (!ratio) return nullptr;
  nlohmann::ordered_json json{{"value", ratio->value}, {"n", ratio->n}, {"method", ratio->method}};
  if (ratio->interval) json["interval"] = {ratio->interval->low, ratio->interval->high};
  return json;
}

std::string three_fields(const std::optional<stats::Estimate>& estimate) {
  if (!estimate) return ",,,";
  if (!estimate->interval) return fmt::format(",{},,", estimate->value);
  return fmt::format(",{},{},{}", estimate->value, estimate->interval->low,
                     estimate->interval->high);
}

struct Column {
  const char* title;
  const char* key;
  std::optional<stats::Estimate> TechniqueRow::*member;
};
constexpr std::array kColumns = {
    Column{"chars/s", "characters_per_second", &TechniqueRow::characters_per_second},
    Column{"time", "time", &TechniqueRow::time},
    Column{"input tokens", "prompt_tokens", &TechniqueRow::prompt_tokens},
    Column{"output tokens", "completion_tokens", &TechniqueRow::completion_tokens},
    Column{"answer length", "answer_characters", &TechniqueRow::answer_characters},
    Column{"keys, values", "kv_bytes", &TechniqueRow::kv_bytes}};

/// Of the runs that tell.
std::optional<RunBytes> run_bytes(const results::Document& document, const std::string& row,
                                  std::optional<int64_t> Event::*member) {
  RunBytes bytes;
  int64_t n = 0;
  for (const Event& event : document.events) {
    if (event.strategy != row || event.warmup || event.error || !(event.*member)) continue;
    const auto of_run = static_cast<uint64_t>(*(event.*member));
    bytes.peak = std::max(bytes.peak, of_run);
    bytes.mean += static_cast<double>(of_run);
    ++n;
  }
  if (n == 0) return std::nullopt;
  bytes.mean /= static_cast<double>(n);
  return bytes;
}

std::string in_megabytes(std::optional<double> bytes) {
  return bytes ? fmt::format("{:.1f}", *bytes * 1e-6) : std::string(kMissing);
}

std::optional<double> peak_of(const std::optional<RunBytes>& bytes) {
  if (!bytes) return std::nullopt;
  return static_cast<double>(bytes->peak);
}

std::optional<double> mean_of(const std::optional<RunBytes>& bytes) {
  if (!bytes) return std::nullopt;
  return bytes->mean;
}

std::string head_of(const TechniqueColumn& column) {
  return column.unit.empty() ? column.title : column.title + " " + column.unit;
}

int width_of(const TechniqueColumn& column) {
  int most = display_width(head_of(column));
  for (const std::string& cell : column.cells) most = std::max(most, display_width(cell));
  return most;
}

void append_bytes(nlohmann::ordered_json& json, const std::string& name,
                  const std::optional<RunBytes>& bytes) {
  if (!bytes) return;
  json[name + "_bytes_peak"] = bytes->peak;
  json[name + "_bytes_mean"] = bytes->mean;
}

using Json = nlohmann::ordered_json;

constexpr uint64_t kMaxTechniquesBytes = 16 << 20;

/// The member that is there and not null; nullptr for none.
const Json* member_of(const Json& json, const char* key) {
  const auto found = json.find(key);
  return found == json.end() || found->is_null() ? nullptr : &*found;
}

Error expected_at(const std::string& path, std::string_view expected) {
  return Error(ErrorCode::kInvalidArgument, fmt::format("{}: expected {}", path, expected));
}

Status read_number(const Json& json, const char* key, const std::string& path,
                   std::optional<double>& number) {
  const Json* found = member_of(json, key);
  if (found == nullptr) return ok_status();
  if (!found->is_number()) return expected_at(path + "." + key, "a number");
  number = found->get<double>();
  return ok_status();
}

Status read_count(const Json& json, const char* key, const std::string& path,
                  std::optional<uint64_t>& count) {
  const Json* found = member_of(json, key);
  if (found == nullptr) return ok_status();
  if (!found->is_number_unsigned()) return expected_at(path + "." + key, "a number of bytes");
  count = found->get<uint64_t>();
  return ok_status();
}

Status read_run_bytes(const Json& json, const std::string& name, const std::string& path,
                      std::optional<RunBytes>& bytes) {
  std::optional<uint64_t> peak;
  std::optional<double> mean;
  WHET_TRY_STATUS(read_count(json, (name + "_bytes_peak").c_str(), path, peak));
  WHET_TRY_STATUS(read_number(json, (name + "_bytes_mean").c_str(), path, mean));
  if (peak && mean) bytes = RunBytes{*peak, *mean};
  return ok_status();
}

Status read_estimate(const Json& json, const char* key, const std::string& path,
                     std::optional<stats::Estimate>& estimate) {
  const Json* found = member_of(json, key);
  if (found == nullptr) return ok_status();
  const std::string at = path + "." + key;
  if (!found->is_object()) return expected_at(at, "an object or null");
  std::optional<double> value, n;
  WHET_TRY_STATUS(read_number(*found, "value", at, value));
  WHET_TRY_STATUS(read_number(*found, "n", at, n));
  if (!value) return expected_at(at + ".value", "a number");
  estimate.emplace();
  estimate->value = *value;
  if (n && *n >= 0 && *n < 1e15) estimate->n = static_cast<int64_t>(*n);
  if (const Json* method = member_of(*found, "method"); method && method->is_string()) {
    estimate->method = one_line(method->get<std::string>());
  }
  const Json* interval = member_of(*found, "interval");
  if (interval == nullptr) return ok_status();
  if (!interval->is_array() || interval->size() != 2 || !(*interval)[0].is_number() ||
      !(*interval)[1].is_number()) {
    return expected_at(at + ".interval", "two numbers");
  }
  estimate->interval = stats::Interval{(*interval)[0].get<double>(), (*interval)[1].get<double>()};
  return ok_status();
}

Result<TechniqueRow> row_from_json(const Json& json, const std::string& path) {
  if (!json.is_object()) return expected_at(path, "an object");
  TechniqueRow row;
  const Json* name = member_of(json, "name");
  if (name == nullptr || !name->is_string()) return expected_at(path + ".name", "a text");
  row.name = one_line(name->get<std::string>());
  std::optional<double> rate;
  WHET_TRY_STATUS(read_number(json, "mean_characters_per_second", path, rate));
  if (!rate) return expected_at(path + ".mean_characters_per_second", "a number");
  row.mean_characters_per_second = *rate;
  const Json* ratios = member_of(json, "ratio_to_baseline");
  const std::string at = path + ".ratio_to_baseline";
  if (ratios == nullptr || !ratios->is_object()) return expected_at(at, "an object");
  for (const Column& column : kColumns) {
    WHET_TRY_STATUS(read_estimate(*ratios, column.key, at, row.*column.member));
  }
  WHET_TRY_STATUS(read_estimate(json, "accuracy", path, row.accuracy));
  WHET_TRY_STATUS(read_count(json, "weight_bytes", path, row.weight_bytes));
  WHET_TRY_STATUS(read_run_bytes(json, "kv", path, row.kv));
  WHET_TRY_STATUS(read_run_bytes(json, "process", path, row.process));
  WHET_TRY_STATUS(read_number(json, "bits_per_byte", path, row.bits_per_byte));
  WHET_TRY_STATUS(read_number(json, "bits_per_byte_stderr", path, row.bits_per_byte_error));
  return row;
}

}  // namespace

std::vector<TechniqueRow> technique_rows(const results::Document& document) {
  const std::array<std::function<double(const Event&)>, kColumns.size()> quantities = {
      [](const Event& e) { return e.latency_s() > 0 ? characters(e) / e.latency_s() : 0; },
      [](const Event& e) { return e.latency_s(); },
      [](const Event& e) { return static_cast<double>(e.prompt_tokens); },
      [](const Event& e) { return static_cast<double>(e.completion_tokens); },
      characters,
      [](const Event& e) { return static_cast<double>(e.kv_bytes.value_or(0)); }};
  stats::BootstrapOptions bootstrap;
  bootstrap.level = document.design.level.value_or(bootstrap.level);
  const std::string& baseline = document.design.baseline;
  std::vector<TechniqueRow> rows;
  for (const results::StrategyResult& strategy : document.strategies) {
    TechniqueRow row;
    row.name = strategy.name;
    double n_characters = 0, seconds = 0;
    for (const Event& event : document.events) {
      if (event.strategy != row.name || event.warmup || event.error) continue;
      n_characters += characters(event);
      seconds += event.latency_s();
    }
    if (seconds > 0) row.mean_characters_per_second = n_characters / seconds;
    row.kv = run_bytes(document, row.name, &Event::kv_bytes);
    row.process = run_bytes(document, row.name, &Event::peak_rss_bytes);
    row.accuracy = strategy.accuracy;
    for (size_t i = 0; row.name != baseline && i < kColumns.size(); ++i) {
      row.*kColumns[i].member =
          stats::estimate_ratio(paired(document.events, baseline, row.name, quantities[i]),
                                stats::RatioOf::kGeometricMeans, bootstrap);
    }
    rows.push_back(std::move(row));
  }
  return rows;
}

std::vector<TechniqueColumn> technique_columns(const std::vector<TechniqueRow>& rows) {
  std::vector<TechniqueColumn> columns;
  bool is_of_text = true;
  const auto add = [&](std::string title, std::string unit,
                       const std::function<std::string(const TechniqueRow&)>& of) {
    TechniqueColumn& column =
        columns.emplace_back(TechniqueColumn{std::move(title), std::move(unit), {}, is_of_text});
    for (const TechniqueRow& row : rows) column.cells.push_back(of(row));
  };
  const auto add_ratio = [&](const Column& column) {
    // The rate stands there as it is, so its ratio says so.
    const bool is_rate = column.member == &TechniqueRow::characters_per_second;
    add(is_rate ? "over the base's" : column.title, "",
        [&column](const auto& row) { return format_ratio(row.*column.member, true); });
  };
  add("chars/s", "",
      [](const auto& row) { return fmt::format("{:.1f}", row.mean_characters_per_second); });
  for (const Column& column : kColumns) {
    if (column.member != &TechniqueRow::kv_bytes) add_ratio(column);
  }
  is_of_text = false;
  add("accuracy", "", [](const auto& row) { return format_accuracy(row.accuracy); });
  add("bits/byte", "", [](const auto& row) {
    return row.bits_per_byte ? fmt::format("{:.4f} ± {:.4f}", *row.bits_per_byte,
                                           row.bits_per_byte_error.value_or(0))
                             : std::string(kMissing);
  });
  add_ratio(kColumns.back());
  add("KV peak", "MB", [](const auto& row) { return in_megabytes(peak_of(row.kv)); });
  add("KV mean", "MB", [](const auto& row) { return in_megabytes(mean_of(row.kv)); });
  add("weights", "MB", [](const auto& row) { return in_megabytes(row.weight_bytes); });
  add("process peak", "MB", [](const auto& row) { return in_megabytes(peak_of(row.process)); });
  add("process mean", "MB", [](const auto& row) { return in_megabytes(mean_of(row.process)); });
  return columns;
}

std::string technique_legend() {
  return "Ratios: against the baseline on the same questions, geometric means with 95 % intervals "
         "over tasks. Bits per byte: ± the standard error. KV: keys and values of a run; peak and "
         "mean over runs. The process holds the weights of all variants at once; weights MB are of "
         "each.";
}

std::string technique_table(const std::vector<TechniqueRow>& rows, int width) {
  TechniqueColumn names{"variant", "", {}, true};
  const int most = std::max(kLeastVariantWidth, width / 3);
  for (const TechniqueRow& row : rows) names.cells.push_back(row.name);
  names.cells = truncate_names(names.cells, most);
  const int name_width = width_of(names);
  const std::vector<TechniqueColumn> columns = technique_columns(rows);
  std::string text;
  for (size_t first = 0; first < columns.size();) {
    int used = name_width;
    size_t end = first;
    while (end < columns.size() && (end == first || used + 2 + width_of(columns[end]) <= width)) {
      used += 2 + width_of(columns[end++]);
    }
    if (first > 0) text += "\n";
    text += pad_right(names.title, name_width);
    for (size_t c = first; c < end; ++c) {
      text += "  " + pad_left(head_of(columns[c]), width_of(columns[c]));
    }
    for (size_t r = 0; r < rows.size(); ++r) {
      text += "\n" + pad_right(names.cells[r], name_width);
      for (size_t c = first; c < end; ++c) {
        text += "  " + pad_left(columns[c].cells[r], width_of(columns[c]));
      }
    }
    text += "\n";
    first = end;
  }
  return text;
}

nlohmann::ordered_json technique_json(const std::vector<TechniqueRow>& rows) {
  auto list = nlohmann::ordered_json::array();
  for (const TechniqueRow& row : rows) {
    nlohmann::ordered_json json{{"name", row.name},
                                {"mean_characters_per_second", row.mean_characters_per_second}};
    auto& ratios = json["ratio_to_baseline"] = nlohmann::ordered_json::object();
    for (const Column& column : kColumns) ratios[column.key] = to_json(row.*column.member);
    json["accuracy"] = to_json(row.accuracy);
    if (row.weight_bytes) json["weight_bytes"] = *row.weight_bytes;
    append_bytes(json, "kv", row.kv);
    append_bytes(json, "process", row.process);
    if (row.bits_per_byte) {
      json["bits_per_byte"] = *row.bits_per_byte;
      json["bits_per_byte_stderr"] = row.bits_per_byte_error.value_or(0);
    }
    list.push_back(std::move(json));
  }
  return {{"schema", kSchema}, {"rows", std::move(list)}};
}

std::string technique_csv(const std::vector<TechniqueRow>& rows) {
  std::string text = "variant,chars_per_second";
  for (const Column& column : kColumns) {
    text += fmt::format(",{0},{0}_low,{0}_high", column.key);
  }
  text +=
      ",accuracy,accuracy_low,accuracy_high,bits_per_byte,weight_bytes,kv_bytes_peak,kv_bytes_mean,"
      "process_bytes_peak,"
      "process_bytes_mean\n";
  for (const TechniqueRow& row : rows) {
    std::string name;
    for (const char c : row.name) name += c == '"' ? std::string("\"\"") : std::string(1, c);
    text += fmt::format("\"{}\",{}", name, row.mean_characters_per_second);
    for (const Column& column : kColumns) text += three_fields(row.*column.member);
    text += three_fields(row.accuracy);
    text += row.bits_per_byte ? fmt::format(",{}", *row.bits_per_byte) : ",";
    text += row.weight_bytes ? fmt::format(",{}", *row.weight_bytes) : ",";
    for (const auto& bytes : {row.kv, row.process}) {
      text += bytes ? fmt::format(",{},{:.0f}", bytes->peak, bytes->mean) : ",,";
    }
    text += "\n";
  }
  return text;
}

Result<std::vector<TechniqueRow>> techniques_from_json(const nlohmann::ordered_json& json) {
  const Json* schema = json.is_object() ? member_of(json, "schema") : nullptr;
  if (schema == nullptr || *schema != kSchema) {
    return expected_at("schema", fmt::format("\"{}\", as whet compare writes it", kSchema));
  }
  const Json* list = member_of(json, "rows");
  if (list == nullptr || !list->is_array()) return expected_at("rows", "a list");
  std::vector<TechniqueRow> rows;
  for (size_t i = 0; i < list->size(); ++i) {
    WHET_TRY(TechniqueRow row, row_from_json((*list)[i], fmt::format("rows[{}]", i)));
    rows.push_back(std::move(row));
  }
  return rows;
}

Result<std::vector<TechniqueRow>> load_techniques(const std::string& path) {
  namespace fs = std::filesystem;
  std::error_code code;
  const fs::path directory =
      fs::is_directory(path, code) ? fs::path(path) : fs::path(path).parent_path();
  const fs::path file = directory / "compare.json";
  if (!fs::exists(file, code)) return std::vector<TechniqueRow>();
  WHET_TRY(const std::string content, read_file(file.string(), kMaxTechniquesBytes));
  const auto json = Json::parse(content, nullptr, /*allow_exceptions=*/false);
  if (json.is_discarded()) {
    return Error(ErrorCode::kInvalidArgument, "not a JSON document").with_context(file.string());
  }
  return techniques_from_json(json).with_context(file.string());
}

}  // namespace whet::report
