#include "results/codec.h"

#include <algorithm>
#include <array>

#include "base/check.h"
#include "generator/generator.h"
#include "results/archive.h"

namespace whet::results {
namespace {

// Far above what a run can reach, and low enough that sums over a record stay in 64 bits.
constexpr int64_t kMostTimeNs = int64_t{1} << 60;  // 36 years
constexpr int64_t kMostCount = int64_t{1} << 40;
constexpr int64_t kMostBytes = int64_t{1} << 60;

template <typename Enum, size_t n>
using Words = std::array<std::pair<Enum, std::string_view>, n>;

constexpr Words<StrategyKind, 3> kKinds = {{{StrategyKind::kBaseline, "baseline"},
                                            {StrategyKind::kStrategy, "strategy"},
                                            {StrategyKind::kControl, "control"}}};
constexpr Words<VerdictLabel, 4> kLabels = {{{VerdictLabel::kPays, "pays"},
                                             {VerdictLabel::kDoesNotPay, "does not pay"},
                                             {VerdictLabel::kNoDifference, "makes no difference"},
                                             {VerdictLabel::kCannotTell, "cannot tell at this n"}}};
constexpr Words<Claim, kNClaims> kClaims = {{{Claim::kNoGain, "no gain"},
                                             {Claim::kNoGainAtEqualTime, "no gain at equal time"},
                                             {Claim::kBetter, "better"},
                                             {Claim::kFaster, "faster"},
                                             {Claim::kEqual, "equal"},
                                             {Claim::kWorse, "worse"}}};
constexpr Words<eval::GradeStatus, 3> kGrades = {{{eval::GradeStatus::kCorrect, "correct"},
                                                  {eval::GradeStatus::kWrong, "wrong"},
                                                  {eval::GradeStatus::kNotGraded, "not_graded"}}};

template <typename Enum, size_t n>
Names<Enum> names(const Words<Enum, n>& words) {
  return words;
}

template <typename Enum, size_t n>
std::string_view name_in(const Words<Enum, n>& words, Enum value) {
  for (const auto& [known, name] : words) {
    if (known == value) return name;
  }
  WHET_UNREACHABLE();
}

bool is_finish_reason(std::string_view name) {
  for (FinishReason reason : {FinishReason::kStop, FinishReason::kLength, FinishReason::kTime,
                              FinishReason::kCancelled}) {
    if (finish_reason_name(reason) == name) return true;
  }
  return false;
}

}  // namespace

// Found by argument-dependent lookup, so not in the unnamed namespace.

template <typename A>
void describe(A& a, typename A::template Ref<Candidate> c) {
  a.field("stage", c.stage);
  a.required("text", c.text);
  a.integer("tokens", c.tokens, 0, kMostCount);
  a.required("finish", c.finish);
  a.check("finish", is_finish_reason(c.finish), "stop, length, time or cancelled");
  a.field("temperature", c.temperature);
  a.field("logprob", c.logprob);
  a.field("answer", c.answer);
  a.field("score", c.score);
  a.required("eligible", c.eligible);
  a.field("reason", c.reason);
  a.required("chosen", c.chosen);
  a.field("correct", c.correct);
}

template <typename A>
void describe(A& a, typename A::template Ref<SkippedStage> s) {
  a.required("stage", s.stage);
  a.required("reason", s.reason);
}

template <typename A>
void describe(A& a, typename A::template Ref<eval::MetricValue> m) {
  a.required("name", m.name);
  a.needed("value", m.value);
}

template <typename A>
void describe(A& a, typename A::template Ref<Event> e) {
  a.required("strategy", e.strategy);
  a.required("task", e.task);
  a.required("family", e.family);
  a.field_if_any("group", e.group);
  a.required("seed", e.seed);
  a.integer("sequence", e.sequence, 0, kMostCount);
  a.field("warmup", e.warmup);
  a.field("question", e.question);
  a.field("reference", e.reference);
  a.integer("start_ns", e.start_ns, 0, kMostTimeNs);
  a.integer("end_ns", e.end_ns, e.start_ns, kMostTimeNs);
  a.integer("first_token_ns", e.first_token_ns, e.start_ns, e.end_ns);
  a.integer("time_budget_ns", e.time_budget_ns, 0, kMostTimeNs);
  a.integer("prompt_tokens", e.prompt_tokens, 0, kMostCount);
  a.integer("completion_tokens", e.completion_tokens, 0, kMostCount);
  a.integer("n_calls", e.n_calls, 0, kMostCount);
  a.required("candidates", e.candidates);
  a.field("skipped", e.skipped);
  a.field("answer", e.answer);
  a.field("how", e.how);
  a.field("fell_back", e.fell_back);
  a.object("grade", [&](A& grade) {
    grade.required_word("status", e.grade, names(kGrades));
    grade.field("strict", e.strict);
    grade.field("rule", e.grade_rule);
    grade.field("detail", e.grade_detail);
    grade.field("metrics", e.metrics);
  });
  a.integer("peak_rss_bytes", e.peak_rss_bytes, 0, kMostBytes);
  a.integer("kv_bytes", e.kv_bytes, 0, kMostBytes);
  // Differences of the kernel's counters, which may run back a little.
  a.integer("other_cpu_ns", e.other_cpu_ns, -kMostTimeNs, kMostTimeNs);
  a.integer("stolen_cpu_ns", e.stolen_cpu_ns, -kMostTimeNs, kMostTimeNs);
  a.field("core_clock", e.core_clock);
  a.field("error", e.error);
}

template <typename A>
void describe(A& a, typename A::template Ref<Estimate> e) {
  a.needed("value", e.value);
  a.interval(e.interval);
  a.field("level", e.level);
  a.field("method", e.method);
  a.field("n", e.n);
}

template <typename A>
void describe(A& a, typename A::template Ref<Difference> d) {
  describe(a, d.estimate);
  a.field("p", d.p);
  a.field("test", d.test);
  a.field_if_any("control", d.control);
}

template <typename A>
void describe(A& a, typename A::template Ref<Latency> l) {
  describe(a, l.median);
  a.field("p95", l.p95);
  a.field("mean", l.mean);
}

template <typename A>
void describe(A& a, typename A::template Ref<Totals> t) {
  a.field("total", t.total);
  a.field("per_task", t.per_task);
}

template <typename A>
void describe(A& a, typename A::template Ref<NotGraded> n) {
  a.field("reason", n.reason);
  a.field("n", n.n);
}

template <typename A>
void describe(A& a, typename A::template Ref<MetricMean> m) {
  a.required("metric", m.metric);
  a.field("mean", m.mean);
}

template <typename A>
void describe(A& a, typename A::template Ref<FamilyResult> f) {
  a.field("family", f.family);
  a.field("n_tasks", f.n_tasks);
  a.field("n_runs", f.n_runs);
  a.field("n_graded", f.n_graded);
  a.field("n_correct", f.n_correct);
  a.field("accuracy", f.accuracy);
  a.field("difference_to_baseline", f.difference_to_baseline);
}

template <typename A>
void describe(A& a, typename A::template Ref<Scores> s) {
  a.field("auroc", s.auroc);
  a.field("n_candidates", s.n_candidates);
  a.field("oracle_accuracy", s.oracle_accuracy);
}

template <typename A>
void describe(A& a, typename A::template Ref<ClaimTest> t) {
  a.required_word("claim", t.claim, names(kClaims));
  a.required("p", t.p);
  a.required("p_adjusted", t.p_adjusted);
}

template <typename A>
void describe(A& a, typename A::template Ref<Verdict> v) {
  a.required_word("label", v.label, names(kLabels));
  a.word("claim", v.claim, names(kClaims));
  a.field("reason", v.reason);
  a.field("claims", v.claims);
  a.field("detectable_gain", v.detectable_gain);
}

template <typename A>
void describe(A& a, typename A::template Ref<PerCorrect> p) {
  a.field("tokens", p.tokens);
  a.field("seconds", p.seconds);
  a.field("token_seconds", p.token_seconds);
}

template <typename A>
void describe(A& a, typename A::template Ref<Spread> s) {
  a.required("between_tasks", s.between_tasks);
  a.required("between_seeds", s.between_seeds);
  a.required("seeds_share", s.seeds_share);
  a.field("between_wordings", s.between_wordings);
  a.field("wordings_by_task", s.wordings_by_task);
  a.field("wordings_share", s.wordings_share);
}

template <typename A>
void describe(A& a, typename A::template Ref<StrategyResult> s) {
  a.required("name", s.name);
  a.check("name", !s.name.empty(), "a name");
  a.field("label", s.label);
  a.word("kind", s.kind, names(kKinds));
  a.field("controls", s.controls);
  a.field("description", s.description);
  a.field("options", s.options);
  a.field("against", s.against);
  a.field("n_tasks", s.n_tasks);
  a.field("n_runs", s.n_runs);
  a.field("n_graded", s.n_graded);
  a.field("n_not_graded", s.n_not_graded);
  a.field("n_correct", s.n_correct);
  a.field("n_strict", s.n_strict);
  a.field("n_fell_back", s.n_fell_back);
  a.field("not_graded", s.not_graded);
  a.field("n_truncated", s.n_truncated);
  a.field("n_cut", s.n_cut);
  a.field("n_errors", s.n_errors);
  a.field("n_skipped", s.n_skipped);
  a.field("accuracy", s.accuracy);
  a.field("strict_accuracy", s.strict_accuracy);
  a.field("reference_metrics", s.reference_metrics);
  a.field("families", s.families);
  a.field("difference_to_baseline", s.difference_to_baseline);
  a.field("difference_to_control", s.difference_to_control);
  a.field("prompt_tokens", s.prompt_tokens);
  a.field("completion_tokens", s.completion_tokens);
  a.field("n_calls", s.n_calls);
  a.field("latency_s", s.latency_s);
  a.field("first_token_s", s.first_token_s);
  a.field("generation_tok_s", s.generation_tok_s);
  a.field("cost_ratio_tokens", s.cost_ratio_tokens);
  a.field("cost_ratio_time", s.cost_ratio_time);
  a.field("total_ratio_tokens", s.total_ratio_tokens);
  a.field("total_ratio_time", s.total_ratio_time);
  a.field("other_cpus", s.other_cpus);
  a.field("stolen_cpus", s.stolen_cpus);
  a.field("core_clock", s.core_clock);
  a.field("faster_than_possible", s.faster_than_possible);
  a.field("per_correct", s.per_correct);
  a.field("spread", s.spread);
  a.field("design_effect", s.design_effect);
  a.field("peak_rss_bytes", s.peak_rss_bytes);
  a.field("kv_bytes", s.kv_bytes);
  a.field("scores", s.scores);
  a.field("verdict", s.verdict);
}

template <typename A>
void describe(A& a, typename A::template Ref<WhetInfo> w) {
  a.field("version", w.version);
  a.field("commit", w.commit);
  a.field("dirty", w.dirty);
  a.field("compiler", w.compiler);
  a.field("flags", w.flags);
  a.field("build_type", w.build_type);
  a.field("isa", w.isa);
  a.field("threads", w.threads);
}

template <typename A>
void describe(A& a, typename A::template Ref<MachineDescription> m) {
  a.field("cpu", m.cpu);
  a.field("n_physical_cores", m.n_physical_cores);
  a.field("n_logical_cores", m.n_logical_cores);
  a.field("cpu_quota", m.cpu_quota);
  a.field("memory_bytes", m.memory_bytes);
  a.field("kernel", m.kernel);
  a.field("os", m.os);
  a.field("load_average", m.load_average);
  a.field("memory_bandwidth_bytes_s", m.memory_bandwidth_bytes_s);
}

template <typename A>
void describe(A& a, typename A::template Ref<ModelInfo> m) {
  a.field("path", m.path);
  a.field("name", m.name);
  a.field("architecture", m.architecture);
  a.field("n_parameters", m.n_parameters);
  a.field("type", m.type);
  a.field("size_bytes", m.size_bytes);
  a.field("sha256", m.sha256);
  a.field("context_tokens", m.context_tokens);
  a.field("chat_template", m.chat_template);
  a.field_if_any("cache_type", m.cache_type);
  a.field_if_any("weights", m.weights);
  a.field_if_any("arithmetic", m.arithmetic);
  a.field_if_any("endpoint", m.endpoint);
}

template <typename A>
void describe(A& a, typename A::template Ref<Progress> s) {
  a.field("complete", s.complete);
  a.field("n_planned", s.n_planned);
  a.field("n_done", s.n_done);
  a.field("wall_s", s.wall_s);
  a.field("stop_reason", s.stop_reason);
  a.field("looks", s.looks);
}

template <typename A>
void describe(A& a, typename A::template Ref<TaskFile> f) {
  a.field("name", f.name);
  a.field("path", f.path);
  a.field("sha256", f.sha256);
  a.field("n_tasks", f.n_tasks);
}

template <typename A>
void describe(A& a, typename A::template Ref<FamilySize> f) {
  a.field("name", f.name);
  a.field("n_tasks", f.n_tasks);
}

template <typename A>
void describe(A& a, typename A::template Ref<Tasks> t) {
  a.field("files", t.files);
  a.field("n_tasks", t.n_tasks);
  a.field("families", t.families);
}

template <typename A>
void describe(A& a, typename A::template Ref<Limits> l) {
  a.field("max_tokens", l.max_tokens);
  a.field("context_tokens", l.context_tokens);
  a.field("time_s", l.time_s);
  a.field("time_per_task_s", l.time_per_task_s);
}

template <typename A>
void describe(A& a, typename A::template Ref<SandboxStatus> s) {
  a.field("available", s.available);
  a.field("kind", s.kind);
  a.field("reason", s.reason);
  a.field("limits", s.limits);
}

template <typename A>
void describe(A& a, typename A::template Ref<Design> d) {
  a.field("baseline", d.baseline);
  a.field("level", d.level);
  a.field("n_resamples", d.n_resamples);
  a.field("bootstrap_seed", d.bootstrap_seed);
  a.field("order", d.order);
  a.field("correction", d.correction);
  a.field("min_gain", d.min_gain);
  a.field("min_time_gain", d.min_time_gain);
  a.field("warmup", d.warmup);
  a.field("alpha", d.alpha);
  a.field("control", d.control);
  a.field("system", d.system);
}

template <typename A>
void describe(A& a, typename A::template Ref<EventsFile> f) {
  a.field("file", f.file);
  a.field("n", f.n);
  a.field("sha256", f.sha256);
}

template <typename A>
void describe(A& a, typename A::template Ref<Document> d) {
  a.schema("whet-results/1");
  a.field("title", d.title);
  a.field("created", d.created);
  a.field("command", d.command);
  a.field("status", d.status);
  a.field("whet", d.whet);
  a.field("machine", d.machine);
  a.field("model", d.model);
  a.field("sampling", d.sampling);
  a.field("seeds", d.seeds);
  a.field("tasks", d.tasks);
  a.field("limits", d.limits);
  a.field("sandbox", d.sandbox);
  a.field("design", d.design);
  a.field("strategies", d.strategies);
  a.field("notes", d.notes);
  a.events(d.events_file, d.events);
}

std::string_view strategy_kind_name(StrategyKind kind) {
  return name_in(kKinds, kind);
}

std::string_view verdict_label_name(VerdictLabel label) {
  return name_in(kLabels, label);
}

std::string_view claim_name(Claim claim) {
  return name_in(kClaims, claim);
}

nlohmann::json to_json(const Document& document) {
  Writer writer;
  describe(writer, document);
  return std::move(writer).result();
}

nlohmann::json to_json(const Event& event) {
  Writer writer;
  describe(writer, event);
  return std::move(writer).result();
}

Result<Document> document_from_json(const nlohmann::json& value) {
  std::optional<Error> problem;
  Reader reader(value, "", problem);
  Document document;
  describe(reader, document);
  if (problem) return *problem;
  return document;
}

Result<Event> event_from_json(const nlohmann::json& value) {
  std::optional<Error> problem;
  Reader reader(value, "", problem);
  Event event;
  describe(reader, event);
  if (problem) return problem->with_context("not an event");
  return event;
}

void visit_texts(Document& document,
                 const std::function<void(std::string_view key, std::string& text)>& visit) {
  TextVisitor visitor(visit);
  describe(visitor, document);
}

}  // namespace whet::results
