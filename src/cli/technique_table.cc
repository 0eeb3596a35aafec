#include "cli/technique_table.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <functional>
#include <map>

#include "stats/ratio.h"

namespace whet {
namespace {

using results::Event;

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
    Column{"answer length", "answer_characters", &TechniqueRow::answer_characters}};

}  // namespace

std::vector<TechniqueRow> technique_rows(const results::Document& document) {
  const std::array<std::function<double(const Event&)>, kColumns.size()> quantities = {
      [](const Event& e) { return e.latency_s() > 0 ? characters(e) / e.latency_s() : 0; },
      [](const Event& e) { return e.latency_s(); },
      [](const Event& e) { return static_cast<double>(e.prompt_tokens); },
      [](const Event& e) { return static_cast<double>(e.completion_tokens); }, characters};
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
    for (size_t i = 0; row.name != baseline && i < kColumns.size(); ++i) {
      row.*kColumns[i].member =
          stats::estimate_ratio(paired(document.events, baseline, row.name, quantities[i]),
                                stats::RatioOf::kGeometricMeans, bootstrap);
    }
    rows.push_back(std::move(row));
  }
  return rows;
}

std::string technique_table(const std::vector<TechniqueRow>& rows) {
  size_t width = 8;
  for (const TechniqueRow& row : rows) width = std::max(width, row.name.size());
  std::string text = fmt::format("{:<{}} {:>8}", "variant", width, "chars/s");
  for (const Column& column : kColumns) text += fmt::format(" {:>20}", column.title);
  text += fmt::format(" {:>16}\n", "bits/byte");
  for (const TechniqueRow& row : rows) {
    text += fmt::format("{:<{}} {:>8.1f}", row.name, width, row.mean_characters_per_second);
    for (const Column& column : kColumns) {
      text += fmt::format(" {:>20}", cell(row.*column.member));
    }
    text += row.bits_per_byte ? fmt::format(" {:>9.4f} ± {:.4f}\n", *row.bits_per_byte,
                                            row.bits_per_byte_error.value_or(0))
                              : fmt::format(" {:>16}\n", "-");
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
  text += ",bits_per_byte\n";
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
    text += row.bits_per_byte ? fmt::format(",{}\n", *row.bits_per_byte) : ",\n";
  }
  return text;
}

}  // namespace whet
