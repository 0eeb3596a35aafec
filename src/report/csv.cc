#include "report/csv.h"

#include <fmt/format.h>

#include "report/summary.h"

namespace whet::report {
namespace {

class Row {
 public:
  void text(const std::string& value) {
    const bool formula =
        !value.empty() && std::string_view("=+-@\t").find(value.front()) != std::string_view::npos;
    raw(formula ? "'" + value : value);
  }
  void number(std::optional<double> value) { raw(value ? fmt::format("{}", *value) : ""); }
  void count(std::optional<int64_t> value) { raw(value ? std::to_string(*value) : ""); }
  void estimate(const std::optional<Estimate>& e) {
    number(e ? std::optional(e->value) : std::nullopt);
    number(e && e->interval ? std::optional(e->interval->low) : std::nullopt);
    number(e && e->interval ? std::optional(e->interval->high) : std::nullopt);
  }
  void difference(const std::optional<Difference>& d) {
    estimate(d ? std::optional(d->estimate) : std::nullopt);
    number(d ? d->p : std::nullopt);
  }
  void nothing(int n_fields) {
    for (int i = 0; i < n_fields; ++i) raw("");
  }
  std::string line() const { return line_ + "\r\n"; }

 private:
  void raw(std::string_view value) {
    if (!first_) line_ += ',';
    first_ = false;
    line_ += csv_field(value);
  }
  std::string line_;
  bool first_ = true;
};

constexpr std::string_view kHeader =
    "strategy,label,kind,family,n_tasks,n_runs,n_graded,n_correct,"
    "accuracy,accuracy_low,accuracy_high,strict_accuracy,"
    "difference,difference_low,difference_high,p,"
    "difference_to_control,difference_to_control_low,difference_to_control_high,"
    "prompt_tokens_per_task,completion_tokens_per_task,calls_per_task,"
    "latency_median_s,latency_median_low_s,latency_median_high_s,latency_p95_s,first_token_median_"
    "s,"
    "cost_ratio_tokens,cost_ratio_tokens_low,cost_ratio_tokens_high,"
    "cost_ratio_time,cost_ratio_time_low,cost_ratio_time_high,total_ratio_tokens,total_ratio_time,"
    "peak_rss_bytes,kv_bytes,verdict\r\n";

std::string strategy_line(const StrategyResult& s) {
  Row row;
  row.text(s.name);
  row.text(s.title());
  row.text(std::string(strategy_kind_name(s.kind)));
  row.text("all");
  row.count(s.n_tasks);
  row.count(s.n_runs);
  row.count(s.n_graded);
  row.count(s.n_correct);
  row.estimate(s.accuracy);
  row.number(s.strict_accuracy ? std::optional(s.strict_accuracy->value) : std::nullopt);
  row.difference(s.difference_to_baseline);
  row.estimate(s.difference_to_control ? std::optional(s.difference_to_control->estimate)
                                       : std::nullopt);
  row.number(s.prompt_tokens.per_task);
  row.number(s.completion_tokens.per_task);
  row.number(s.n_calls.per_task);
  row.estimate(s.latency_s ? std::optional(s.latency_s->median) : std::nullopt);
  row.number(s.latency_s ? s.latency_s->p95 : std::nullopt);
  row.number(s.first_token_s ? std::optional(s.first_token_s->median.value) : std::nullopt);
  row.estimate(s.cost_ratio_tokens);
  row.estimate(s.cost_ratio_time);
  row.number(s.total_ratio_tokens ? std::optional(s.total_ratio_tokens->value) : std::nullopt);
  row.number(s.total_ratio_time ? std::optional(s.total_ratio_time->value) : std::nullopt);
  row.count(s.peak_rss_bytes);
  row.count(s.kv_bytes);
  row.text(s.verdict ? std::string(verdict_label_name(s.verdict->label)) : "");
  return row.line();
}

std::string family_line(const StrategyResult& s, const FamilyResult& f) {
  Row row;
  row.text(s.name);
  row.text(s.title());
  row.text(std::string(strategy_kind_name(s.kind)));
  row.text(f.family);
  row.count(f.n_tasks);
  row.count(f.n_runs);
  row.count(f.n_graded);
  row.count(f.n_correct);
  row.estimate(f.accuracy);
  row.nothing(1);
  row.difference(f.difference_to_baseline);
  row.nothing(22);
  return row.line();
}

}  // namespace

std::string csv_field(std::string_view text) {
  if (text.find_first_of(",\"\r\n") == std::string_view::npos) return std::string(text);
  std::string quoted = "\"";
  for (char c : text) {
    if (c == '"') quoted += '"';
    quoted += c;
  }
  return quoted + "\"";
}

std::string render_csv(const Report& doc) {
  std::string out(kHeader);
  for (const auto& s : doc.strategies) {
    out += strategy_line(s);
    for (const auto& family : s.families) out += family_line(s, family);
  }
  return out;
}

}  // namespace whet::report
