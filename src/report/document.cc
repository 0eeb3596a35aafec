#include "report/document.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "report/text.h"
#include "sys/json_text.h"

namespace whet::report {
namespace {

using nlohmann::json;

/// A scalar as text; objects and arrays as compact JSON.
std::string scalar_text(const json& value) {
  if (value.is_string()) return one_line(value.get_ref<const std::string&>());
  if (value.is_null()) return std::string(kMissing);
  if (value.is_number_float()) return fmt::format("{:.6g}", value.get<double>());
  return one_line(json_text(value));
}

/// A place in the document and the first complaint about it. Reading a missing or null field gives
/// nothing; reading a field of the wrong type records one error and gives nothing.
class Reader {
 public:
  Reader(const json& value, std::string path, std::optional<Error>& error)
      : value_(value), path_(std::move(path)), error_(error) {
    if (!value_.is_object() && !value_.is_null()) complain("", "an object");
  }

  bool missing() const { return !value_.is_object(); }

  Reader object(const char* key) const {
    const json* field = find(key);
    return {field ? *field : null(), path_of(key), error_};
  }

  std::string text(const char* key) const {
    const json* field = find(key);
    if (!field) return "";
    if (!field->is_string()) return complain(key, "a string"), "";
    return printable(field->get_ref<const std::string&>());
  }

  std::optional<double> number(const char* key) const {
    const json* field = find(key);
    if (!field) return std::nullopt;
    if (!field->is_number()) return complain(key, "a number"), std::nullopt;
    const double value = field->get<double>();
    if (!std::isfinite(value)) return complain(key, "a finite number"), std::nullopt;
    return value;
  }

  std::optional<int64_t> integer(const char* key) const {
    const json* field = find(key);
    if (!field) return std::nullopt;
    if (field->is_number_unsigned() && field->get<uint64_t>() > INT64_MAX)
      return complain(key, "an integer below 2^63"), std::nullopt;
    if (!field->is_number_integer()) return complain(key, "an integer"), std::nullopt;
    return field->get<int64_t>();
  }

  /// Any scalar as text; empty if missing. For numbers that are names, such as seeds.
  std::string scalar(const char* key) const {
    const json* field = find(key);
    return field ? scalar_text(*field) : "";
  }

  bool boolean(const char* key, bool fallback) const {
    const json* field = find(key);
    if (!field) return fallback;
    if (!field->is_boolean()) return complain(key, "true or false"), fallback;
    return field->get<bool>();
  }

  /// Calls visit(Reader) for each object of an array.
  template <typename Visit>
  void each(const char* key, Visit visit) const {
    const json* field = find(key);
    if (!field) return;
    if (!field->is_array()) return complain(key, "an array");
    for (size_t i = 0; i < field->size(); ++i)
      visit(Reader((*field)[i], fmt::format("{}[{}]", path_of(key), i), error_));
  }

  std::vector<std::string> texts(const char* key) const {
    std::vector<std::string> result;
    const json* field = find(key);
    if (!field) return result;
    if (!field->is_array()) return complain(key, "an array"), result;
    for (const json& item : *field) {
      if (!item.is_string()) return complain(key, "an array of strings"), result;
      result.push_back(printable(item.get_ref<const std::string&>()));
    }
    return result;
  }

  const json* find(const char* key) const {
    if (missing()) return nullptr;
    const auto field = value_.find(key);
    return field == value_.end() || field->is_null() ? nullptr : &*field;
  }

  void complain(const char* key, const char* expected) const {
    if (!error_) {
      error_ = Error(ErrorCode::kInvalidArgument,
                     fmt::format("{}: expected {}", path_of(key), expected));
    }
  }

  const std::string& path() const { return path_; }

 private:
  static const json& null() {
    static const json value;
    return value;
  }
  std::string path_of(const char* key) const {
    if (path_.empty()) return *key ? key : "document";
    return *key ? path_ + "." + key : path_;
  }

  const json& value_;
  std::string path_;
  std::optional<Error>& error_;
};

std::optional<Estimate> read_estimate(const Reader& reader) {
  const auto value = reader.number("value");
  if (!value) return std::nullopt;
  Estimate estimate;
  estimate.value = *value;
  const auto low = reader.number("low");
  const auto high = reader.number("high");
  if (low && high) estimate.interval = stats::Interval{*low, *high};
  estimate.level = reader.number("level").value_or(0.95);
  estimate.method = reader.text("method");
  estimate.n = reader.integer("n").value_or(0);
  return estimate;
}

std::optional<Difference> read_difference(const Reader& reader) {
  auto estimate = read_estimate(reader);
  if (!estimate) return std::nullopt;
  return Difference{std::move(*estimate), reader.number("p"), reader.text("control")};
}

std::optional<Latency> read_latency(const Reader& reader) {
  auto estimate = read_estimate(reader);
  if (!estimate) return std::nullopt;
  return Latency{std::move(*estimate), reader.number("p95")};
}

Spent read_spent(const Reader& reader) {
  return {reader.integer("total"), reader.number("per_task")};
}

std::optional<Verdict> read_verdict(const Reader& reader) {
  const std::string label = reader.text("label");
  if (label.empty()) return std::nullopt;
  VerdictKind kind = VerdictKind::kCannotTell;
  if (label == "pays") {
    kind = VerdictKind::kPays;
  } else if (label == "does not pay") {
    kind = VerdictKind::kDoesNotPay;
  } else if (label == "makes no difference") {
    kind = VerdictKind::kNoDifference;
  } else if (!label.starts_with("cannot tell")) {
    reader.complain(
        "label",
        "\"pays\", \"does not pay\", \"makes no difference\" or \"cannot tell at this n\"");
  }
  return Verdict{kind, label, reader.text("reason"), reader.number("detectable_gain")};
}

StrategyKind read_kind(const Reader& reader) {
  const std::string kind = reader.text("kind");
  if (kind == "baseline") return StrategyKind::kBaseline;
  if (kind == "control") return StrategyKind::kControl;
  if (!kind.empty() && kind != "strategy")
    reader.complain("kind", "\"baseline\", \"strategy\" or \"control\"");
  return StrategyKind::kStrategy;
}

FamilyResult read_family(const Reader& reader) {
  return {reader.text("family"),
          reader.integer("n_tasks"),
          reader.integer("n_runs"),
          reader.integer("n_graded"),
          reader.integer("n_correct"),
          read_estimate(reader.object("accuracy")),
          read_difference(reader.object("difference_to_baseline"))};
}

StrategyResult read_strategy(const Reader& reader) {
  StrategyResult s;
  s.name = one_line(reader.text("name"));
  if (s.name.empty()) reader.complain("name", "a name");
  s.label = one_line(reader.text("label"));
  if (s.label.empty()) s.label = s.name;
  s.kind = read_kind(reader);
  s.description = reader.text("description");
  s.controls = reader.texts("controls");
  if (const json* options = reader.find("options"); options && options->is_object())
    for (const auto& [name, value] : options->items())
      s.options.emplace_back(one_line(name), scalar_text(value));
  s.n_tasks = reader.integer("n_tasks");
  s.n_runs = reader.integer("n_runs");
  s.n_graded = reader.integer("n_graded");
  s.n_not_graded = reader.integer("n_not_graded");
  s.n_correct = reader.integer("n_correct");
  s.n_truncated = reader.integer("n_truncated");
  s.n_strict = reader.integer("n_strict");
  s.n_fell_back = reader.integer("n_fell_back");
  reader.each("not_graded", [&](const Reader& item) {
    s.not_graded.emplace_back(one_line(item.text("reason")), item.integer("n").value_or(0));
  });
  s.accuracy = read_estimate(reader.object("accuracy"));
  s.strict_accuracy = read_estimate(reader.object("strict_accuracy"));
  reader.each("families", [&](const Reader& item) { s.families.push_back(read_family(item)); });
  s.difference_to_baseline = read_difference(reader.object("difference_to_baseline"));
  s.difference_to_control = read_difference(reader.object("difference_to_control"));
  s.prompt_tokens = read_spent(reader.object("prompt_tokens"));
  s.completion_tokens = read_spent(reader.object("completion_tokens"));
  s.calls = read_spent(reader.object("n_calls"));
  s.latency_s = read_latency(reader.object("latency_s"));
  s.first_token_s = read_latency(reader.object("first_token_s"));
  s.generation_tok_s = read_estimate(reader.object("generation_tok_s"));
  s.cost_ratio_tokens = read_estimate(reader.object("cost_ratio_tokens"));
  s.cost_ratio_time = read_estimate(reader.object("cost_ratio_time"));
  s.total_ratio_tokens = read_estimate(reader.object("total_ratio_tokens"));
  s.total_ratio_time = read_estimate(reader.object("total_ratio_time"));
  s.other_cpus = reader.number("other_cpus");
  s.stolen_cpus = reader.number("stolen_cpus");
  s.peak_rss_bytes = reader.integer("peak_rss_bytes");
  s.kv_bytes = reader.integer("kv_bytes");
  const Reader scores = reader.object("scores");
  s.auroc = read_estimate(scores.object("auroc"));
  s.oracle_accuracy = read_estimate(scores.object("oracle_accuracy"));
  s.verdict = read_verdict(reader.object("verdict"));
  return s;
}

Candidate read_candidate(const Reader& reader) {
  Candidate c;
  c.stage = one_line(reader.text("stage"));
  c.text = reader.text("text");
  c.finish = one_line(reader.text("finish"));
  c.answer = reader.text("answer");
  c.reason = one_line(reader.text("reason"));
  c.tokens = reader.integer("tokens");
  c.logprob = reader.number("logprob");
  c.score = reader.number("score");
  c.eligible = reader.boolean("eligible", true);
  c.chosen = reader.boolean("chosen", false);
  return c;
}

Event read_event(const Reader& reader) {
  Event e;
  e.strategy = one_line(reader.text("strategy"));
  e.task = one_line(reader.text("task"));
  e.family = one_line(reader.text("family"));
  e.question = reader.text("question");
  e.reference = reader.text("reference");
  e.answer = reader.text("answer");
  e.error = reader.text("error");
  e.seed = reader.scalar("seed");
  e.start_ns = reader.integer("start_ns");
  e.first_token_ns = reader.integer("first_token_ns");
  e.end_ns = reader.integer("end_ns");
  e.prompt_tokens = reader.integer("prompt_tokens");
  e.completion_tokens = reader.integer("completion_tokens");
  e.n_calls = reader.integer("n_calls");
  reader.each("candidates", [&](const Reader& c) { e.candidates.push_back(read_candidate(c)); });
  const Reader grade = reader.object("grade");
  const std::string status = grade.text("status");
  e.grade_detail = one_line(grade.text("detail"));
  if (status == "correct") {
    e.grade = GradeStatus::kCorrect;
  } else if (status == "wrong") {
    e.grade = GradeStatus::kWrong;
  } else if (!status.empty() && status != "not_graded") {
    grade.complain("status", "\"correct\", \"wrong\" or \"not_graded\"");
  }
  return e;
}

/// Collects printable facts; leaves out what is missing.
class Facts {
 public:
  Facts(Document& document, const char* heading) : group_{heading, {}}, document_(document) {}
  ~Facts() {
    if (!group_.facts.empty()) document_.facts.push_back(std::move(group_));
  }
  Facts(const Facts&) = delete;

  void add(const char* label, const std::string& value) {
    if (!value.empty()) group_.facts.emplace_back(label, one_line(value));
  }
  void add_count(const char* label, std::optional<int64_t> value) {
    if (value) add(label, format_count(value));
  }
  void add_bytes(const char* label, std::optional<int64_t> value) {
    if (value) add(label, format_bytes(value));
  }
  void add_number(const char* label, std::optional<double> value) {
    if (value) add(label, fmt::format("{:.6g}", *value));
  }
  void add_seconds(const char* label, std::optional<double> value) {
    if (value) add(label, format_duration_s(value));
  }

 private:
  FactGroup group_;
  Document& document_;
};

std::string short_hash(const std::string& hash) {
  return hash.size() > 16 ? hash.substr(0, 16) + "\u2026" : hash;
}

void read_facts(const Reader& root, Document& doc) {
  {
    const Reader model = root.object("model");
    Facts facts(doc, "Model");
    facts.add("Name", model.text("name"));
    facts.add("File", model.text("path"));
    facts.add("Endpoint", model.text("endpoint"));
    facts.add("Architecture", model.text("architecture"));
    facts.add_count("Parameters", model.integer("n_parameters"));
    facts.add("Type", model.text("type"));
    facts.add_bytes("Size", model.integer("size_bytes"));
    facts.add_count("Context", model.integer("context_tokens"));
    facts.add("Cache", model.text("cache_type"));
    facts.add("Weights", model.text("weights"));
    facts.add("Arithmetic", model.text("arithmetic"));
    facts.add("Chat template", model.text("chat_template"));
    facts.add("SHA-256", model.text("sha256"));
  }
  {
    const Reader machine = root.object("machine");
    Facts facts(doc, "Machine");
    facts.add("CPU", machine.text("cpu"));
    facts.add_count("Physical cores", machine.integer("n_physical_cores"));
    facts.add_count("Logical cores", machine.integer("n_logical_cores"));
    facts.add_number("CPU quota", machine.number("cpu_quota"));
    facts.add_bytes("Memory", machine.integer("memory_bytes"));
    if (const auto bandwidth = machine.number("memory_bandwidth_bytes_s"))
      facts.add("Memory bandwidth", format_number(*bandwidth / 1e9) + " GB/s, measured");
    facts.add("Kernel", machine.text("kernel"));
    facts.add("System", machine.text("os"));
    facts.add_number("Load at start", machine.number("load_average"));
  }
  {
    const Reader whet = root.object("whet");
    Facts facts(doc, "Program");
    facts.add("Version", whet.text("version"));
    const std::string commit = whet.text("commit");
    if (!commit.empty())
      facts.add("Commit", commit + (whet.boolean("dirty", false) ? " with local changes" : ""));
    facts.add("Compiler", whet.text("compiler"));
    facts.add("Flags", whet.text("flags"));
    facts.add("Build type", whet.text("build_type"));
    facts.add("Instruction set", whet.text("isa"));
    facts.add_count("Threads", whet.integer("threads"));
  }
  {
    const Reader tasks = root.object("tasks");
    Facts facts(doc, "Tasks");
    facts.add_count("Tasks", tasks.integer("n_tasks"));
    tasks.each("families", [&](const Reader& family) {
      facts.add(one_line(family.text("name")).c_str(), format_count(family.integer("n_tasks")));
    });
    tasks.each("files", [&](const Reader& file) {
      facts.add("File", file.text("path") + " (" + format_count(file.integer("n_tasks")) +
                            " tasks, SHA-256 " + short_hash(file.text("sha256")) + ")");
    });
  }
  {
    Facts facts(doc, "Sampling and limits");
    if (const json* sampling = root.find("sampling"); sampling && sampling->is_object())
      for (const auto& [name, value] : sampling->items())
        facts.add(one_line(name).c_str(), scalar_text(value));
    std::string seeds;
    for (const auto& seed : doc.seeds) seeds += (seeds.empty() ? "" : ", ") + seed;
    facts.add("Seeds", seeds);
    const Reader limits = root.object("limits");
    facts.add_count("Tokens per completion", limits.integer("max_tokens"));
    facts.add_count("Context limit", limits.integer("context_tokens"));
    facts.add_seconds("Time limit", limits.number("time_s"));
    facts.add_seconds("Time limit per task", limits.number("time_per_task_s"));
    const Reader sandbox = root.object("sandbox");
    if (!sandbox.missing()) {
      facts.add("Sandbox for code", sandbox.boolean("available", false)
                                        ? "available, " + sandbox.text("kind")
                                        : "not available: " + sandbox.text("reason"));
    }
  }
  {
    const Reader design = root.object("design");
    Facts facts(doc, "Statistics");
    facts.add("Baseline", design.text("baseline"));
    facts.add_number("Interval level", design.number("level"));
    facts.add_count("Bootstrap resamples", design.integer("n_resamples"));
    facts.add("Bootstrap seed", design.scalar("bootstrap_seed"));
    facts.add("Order of runs", design.text("order"));
    facts.add("Correction", design.text("correction"));
    facts.add_number("Smallest gain worth having", design.number("min_gain"));
    facts.add_number("Smallest share of time worth saving", design.number("min_time_gain"));
    facts.add_count("Warm-up runs dropped", design.integer("warmup"));
  }
}

/// Families in the order of `tasks`, then any others that a strategy names.
void read_families(const Reader& root, Document& doc) {
  auto add = [&](std::string name) {
    if (!name.empty() &&
        std::find(doc.families.begin(), doc.families.end(), name) == doc.families.end())
      doc.families.push_back(std::move(name));
  };
  root.object("tasks").each("families",
                            [&](const Reader& family) { add(one_line(family.text("name"))); });
  for (auto& strategy : doc.strategies)
    for (auto& family : strategy.families) add(family.family = one_line(family.family));
}

}  // namespace

std::string_view strategy_kind_name(StrategyKind kind) {
  switch (kind) {
    case StrategyKind::kBaseline:
      return "baseline";
    case StrategyKind::kStrategy:
      return "strategy";
    case StrategyKind::kControl:
      return "control";
  }
  WHET_UNREACHABLE();
}

Result<Document> parse_document(const json& value) {
  std::optional<Error> error;
  const Reader root(value, "", error);
  const std::string schema = root.text("schema");
  if (schema != "whet-results/1") {
    return Error(ErrorCode::kInvalidArgument,
                 fmt::format("schema: expected \"whet-results/1\", found \"{}\"",
                             truncate(one_line(schema), 40)));
  }
  Document doc;
  doc.title = one_line(root.text("title"));
  doc.created = one_line(root.text("created"));
  doc.command = root.texts("command");
  doc.model_name = one_line(root.object("model").text("name"));
  doc.machine_name = one_line(root.object("machine").text("cpu"));
  const Reader design = root.object("design");
  doc.baseline = one_line(design.text("baseline"));
  doc.level = design.number("level");
  doc.min_gain = design.number("min_gain");
  doc.min_time_gain = design.number("min_time_gain");
  doc.n_tasks = root.object("tasks").integer("n_tasks");
  const Reader status = root.object("status");
  doc.complete = status.boolean("complete", true);
  doc.n_planned = status.integer("n_planned");
  doc.n_done = status.integer("n_done");
  doc.wall_s = status.number("wall_s");
  doc.stop_reason = one_line(status.text("stop_reason"));
  doc.notes = root.texts("notes");
  if (const json* seeds = root.find("seeds"); seeds && seeds->is_array())
    for (const json& seed : *seeds) doc.seeds.push_back(scalar_text(seed));

  root.each("strategies",
            [&](const Reader& item) { doc.strategies.push_back(read_strategy(item)); });
  if (const json* events = root.find("events"); events && events->is_array()) {
    root.each("events", [&](const Reader& item) {
      if (!item.boolean("warmup", false)) doc.events.push_back(read_event(item));
    });
    doc.n_events = static_cast<int64_t>(doc.events.size());
  } else if (events) {
    doc.events_file = root.object("events").text("file");
    doc.n_events = root.object("events").integer("n");
  }
  read_facts(root, doc);
  read_families(root, doc);
  if (error) return *error;
  return doc;
}

Result<std::optional<Event>> parse_event(const json& value) {
  std::optional<Error> error;
  const Reader root(value, "event", error);
  if (root.find("schema") || root.boolean("warmup", false)) return std::optional<Event>();
  Event event = read_event(root);
  if (error) return *error;
  return std::optional<Event>(std::move(event));
}

}  // namespace whet::report
