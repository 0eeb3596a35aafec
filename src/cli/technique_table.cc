#include "cli/technique_table.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <functional>
#include <map>

#include "report/text.h"
#include "stats/ratio.h"

namespace whet {
namespace {

using results::Event;

constexpr int kLeastNameWidth = 12;

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

std::string cell(const std::optional<stats::Estimate>& ratio) {
  if (!ratio) return "-";
  if (!ratio->interval) return fmt::format("{:.2f}x", ratio->value);
  return fmt::format("{:.2f}x [{:.2f}, {:.2f}]", ratio->value, ratio->interval->low,
                     ratio->interval->high);
}

nlohmann::ordered_json to_json(const std::optional<stats::Estimate>& ratio) {
  if (!ratio) return nullptr;
  nlohmann::ordered_json json{{"value", ratio->value}, {"n", ratio->n}, {"method", ratio->method}};
  if (ratio->interval) json["interval"] = {ratio->interval->low, ratio->interval->high};
  return json;
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
  return bytes ? fmt::format("{:.1f}", *bytes * 1e-6) : "-";
}

std::optional<double> peak_of(const std::optional<RunBytes>& bytes) {
  if (!bytes) return std::nullopt;
  return static_cast<double>(bytes->peak);
}

std::optional<double> mean_of(const std::optional<RunBytes>& bytes) {
  if (!bytes) return std::nullopt;
  return bytes->mean;
}

/// A column as it is printed.
struct PrintedColumn {
  std::string title;
  std::vector<std::string> cells;
  int width() const {
    int most = report::display_width(title);
    for (const std::string& cell : cells) most = std::max(most, report::display_width(cell));
    return most;
  }
};

std::vector<PrintedColumn> printed_columns(const std::vector<TechniqueRow>& rows) {
  std::vector<PrintedColumn> columns;
  const auto add = [&](std::string title,
                       const std::function<std::string(const TechniqueRow&)>& of) {
    PrintedColumn& column = columns.emplace_back(PrintedColumn{std::move(title), {}});
    for (const TechniqueRow& row : rows) column.cells.push_back(of(row));
  };
  add("chars/s",
      [](const auto& row) { return fmt::format("{:.1f}", row.mean_characters_per_second); });
  for (const Column& column : kColumns) {
    // The rate stands there as it is, so its ratio says so.
    const bool is_rate = column.member == &TechniqueRow::characters_per_second;
    add(is_rate ? "over the base's" : column.title,
        [&column](const auto& row) { return cell(row.*column.member); });
  }
  add("bits/byte", [](const auto& row) {
    return row.bits_per_byte ? fmt::format("{:.4f} ± {:.4f}", *row.bits_per_byte,
                                           row.bits_per_byte_error.value_or(0))
                             : std::string("-");
  });
  add("weights MB", [](const auto& row) { return in_megabytes(row.weight_bytes); });
  add("KV peak MB", [](const auto& row) { return in_megabytes(peak_of(row.kv)); });
  add("KV mean MB", [](const auto& row) { return in_megabytes(mean_of(row.kv)); });
  add("process peak MB", [](const auto& row) { return in_megabytes(peak_of(row.process)); });
  add("process mean MB", [](const auto& row) { return in_megabytes(mean_of(row.process)); });
  return columns;
}

void append_bytes(nlohmann::ordered_json& json, const std::string& name,
                  const std::optional<RunBytes>& bytes) {
  if (!bytes) return;
  json[name + "_bytes_peak"] = bytes->peak;
  json[name + "_bytes_mean"] = bytes->mean;
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
    for (size_t i = 0; row.name != baseline && i < kColumns.size(); ++i) {
      row.*kColumns[i].member =
          stats::estimate_ratio(paired(document.events, baseline, row.name, quantities[i]),
                                stats::RatioOf::kGeometricMeans, bootstrap);
    }
    rows.push_back(std::move(row));
  }
  return rows;
}

std::string technique_table(const std::vector<TechniqueRow>& rows, int width) {
  PrintedColumn names{"variant", {}};
  const int most = std::max(kLeastNameWidth, width / 3);
  for (const TechniqueRow& row : rows) names.cells.push_back(report::truncate(row.name, most));
  const int name_width = names.width();
  const std::vector<PrintedColumn> columns = printed_columns(rows);
  std::string text;
  for (size_t first = 0; first < columns.size();) {
    int used = name_width;
    size_t end = first;
    while (end < columns.size() && (end == first || used + 2 + columns[end].width() <= width)) {
      used += 2 + columns[end++].width();
    }
    if (first > 0) text += "\n";
    text += report::pad_right(names.title, name_width);
    for (size_t c = first; c < end; ++c) {
      text += "  " + report::pad_left(columns[c].title, columns[c].width());
    }
    for (size_t r = 0; r < rows.size(); ++r) {
      text += "\n" + report::pad_right(names.cells[r], name_width);
      for (size_t c = first; c < end; ++c) {
        text += "  " + report::pad_left(columns[c].cells[r], columns[c].width());
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
    if (row.weight_bytes) json["weight_bytes"] = *row.weight_bytes;
    append_bytes(json, "kv", row.kv);
    append_bytes(json, "process", row.process);
    if (row.bits_per_byte) {
      json["bits_per_byte"] = *row.bits_per_byte;
      json["bits_per_byte_stderr"] = row.bits_per_byte_error.value_or(0);
    }
    list.push_back(std::move(json));
  }
  return {{"schema", "whet-compare/1"}, {"rows", std::move(list)}};
}

std::string technique_csv(const std::vector<TechniqueRow>& rows) {
  std::string text = "variant,chars_per_second";
  for (const Column& column : kColumns) {
    text += fmt::format(",{0},{0}_low,{0}_high", column.key);
  }
  text +=
      ",bits_per_byte,weight_bytes,kv_bytes_peak,kv_bytes_mean,process_bytes_peak,"
      "process_bytes_mean\n";
  for (const TechniqueRow& row : rows) {
    std::string name;
    for (const char c : row.name) name += c == '"' ? std::string("\"\"") : std::string(1, c);
    text += fmt::format("\"{}\",{}", name, row.mean_characters_per_second);
    for (const Column& column : kColumns) {
      const auto& ratio = row.*column.member;
      text += ratio ? fmt::format(",{}", ratio->value) : ",";
      text += ratio && ratio->interval
                  ? fmt::format(",{},{}", ratio->interval->low, ratio->interval->high)
                  : ",,";
    }
    text += row.bits_per_byte ? fmt::format(",{}", *row.bits_per_byte) : ",";
    text += row.weight_bytes ? fmt::format(",{}", *row.weight_bytes) : ",";
    for (const auto& bytes : {row.kv, row.process}) {
      text += bytes ? fmt::format(",{},{:.0f}", bytes->peak, bytes->mean) : ",,";
    }
    text += "\n";
  }
  return text;
}

}  // namespace whet
