#include "results/codec.h"

#include <gtest/gtest.h>

#include <functional>
#include <random>

#include "results/archive.h"
#include "sys/json_text.h"

namespace whet::results {
namespace {

using nlohmann::json;

/// Documents with everything in them that a document can hold, at random.
class Maker {
 public:
  explicit Maker(uint64_t seed) : random_(seed) {}

  Document document() {
    Document d;
    d.title = text();
    d.created = text();
    d.command = {"whet", text()};
    d.status = {coin(), maybe(count()), maybe(count()), maybe(number()), text(), {count(), 7}};
    d.whet = {text(), maybe(name()), maybe(coin()), text(), text(), text(), text(), maybe(count())};
    d.machine = {text(), maybe(count()), maybe(count()),  maybe(number()), maybe(count()),
                 text(), text(),         maybe(number()), maybe(number())};
    d.model.path = text();
    d.model.architecture = maybe(name());
    d.model.n_parameters = maybe(count());
    d.model.cache_type = text();
    d.model.endpoint = text();
    d.sampling = settings();
    d.seeds = {random_(), 0, UINT64_MAX};
    d.tasks = {maybe(count()), {{text(), text(), maybe(name()), maybe(count())}}, {{text(), 3}}};
    d.limits = {maybe(count()), maybe(count()), maybe(number()), maybe(number())};
    d.sandbox = maybe(SandboxStatus{coin(), text(), text(), text()});
    d.design = {text(),         maybe(number()), maybe(count()),  maybe(uint64_t{random_()}),
                text(),         text(),          maybe(number()), maybe(number()),
                maybe(count()), maybe(number()), text()};
    for (size_t n = below(4); n > 0; --n) d.strategies.push_back(strategy());
    d.notes = {text(), ""};
    if (coin()) {
      d.events_file = {"events.jsonl", maybe(count()), text()};
    } else {
      for (size_t n = below(4); n > 0; --n) d.events.push_back(event());
    }
    return d;
  }

  Event event() {
    Event e;
    e.strategy = text();
    e.task = text();
    e.family = text();
    e.group = text();
    e.seed = random_();
    e.sequence = count();
    e.warmup = coin();
    e.question = text();
    e.reference = maybe(name());
    e.start_ns = count();
    e.end_ns = e.start_ns + count();
    e.first_token_ns = maybe(e.start_ns);
    e.time_budget_ns = maybe(count());
    e.prompt_tokens = count();
    for (size_t n = below(3); n > 0; --n) {
      Candidate c;
      c.stage = maybe(name());
      c.text = text();
      c.finish = coin() ? "length" : "stop";
      c.logprob = maybe(number());
      c.eligible = coin();
      c.chosen = coin();
      c.correct = maybe(coin());
      e.candidates.push_back(c);
    }
    e.grade = static_cast<eval::GradeStatus>(below(3));
    e.strict = coin();
    e.grade_rule = text();
    e.kv_bytes = maybe(count());
    e.stolen_cpu_ns = maybe(-count());
    e.core_clock = maybe(number());
    if (coin()) e.skipped = {{name(), text()}};
    e.error = maybe(name());
    return e;
  }

 private:
  StrategyResult strategy() {
    StrategyResult s;
    s.name = name();
    s.label = text();
    s.kind = static_cast<StrategyKind>(below(3));
    s.controls = {name()};
    s.options = settings();
    s.against = text();
    s.n_tasks = maybe(count());
    s.n_cut = maybe(count());
    s.not_graded = {{text(), maybe(count())}};
    s.accuracy = maybe(estimate());
    s.families = {{text(), maybe(count()), maybe(count()), maybe(count()), maybe(count()),
                   maybe(estimate()), maybe(difference())}};
    s.difference_to_control = maybe(difference());
    s.n_calls = {maybe(count()), maybe(number())};
    s.latency_s = maybe(Latency{estimate(), maybe(number()), maybe(number())});
    s.cost_ratio_time = maybe(estimate());
    s.n_skipped = maybe(count());
    s.other_cpus = maybe(number());
    s.core_clock = maybe(number());
    s.faster_than_possible = maybe(number());
    s.per_correct = maybe(PerCorrect{maybe(number()), maybe(number()), maybe(number())});
    s.spread = maybe(
        Spread{number(), number(), number(), maybe(number()), maybe(number()), maybe(number())});
    s.design_effect = maybe(number());
    s.scores = maybe(Scores{maybe(estimate()), maybe(count()), maybe(estimate())});
    Verdict verdict;
    verdict.label = static_cast<VerdictLabel>(below(4));
    verdict.claim = maybe(static_cast<Claim>(below(kNClaims)));
    verdict.reason = text();
    verdict.claims = {{static_cast<Claim>(below(kNClaims)), number(), number()}};
    verdict.detectable_gain = maybe(number());
    s.verdict = maybe(verdict);
    return s;
  }
  Estimate estimate() {
    Estimate e{number(), std::nullopt, number(), text(), count()};
    if (coin()) e.interval = stats::Interval{number(), number()};
    return e;
  }
  Difference difference() { return {{estimate(), maybe(number()), text()}, text()}; }
  Settings settings() { return {{"a", "0.3"}, {name(), "12"}, {"c", "run"}, {"d", "1e+300"}}; }
  std::string text() { return coin() ? "" : name(); }
  std::string name() {
    static const char* const kNames[] = {"a", "b c", "\u00e4\n\"", "inf", "{}", "-"};
    return kNames[below(std::size(kNames))];
  }
  double number() { return static_cast<double>(random_()) / 7e18 - 1; }
  int64_t count() { return static_cast<int64_t>(random_() >> 26); }
  bool coin() { return below(2) == 0; }
  size_t below(size_t n) { return static_cast<size_t>(random_() % n); }
  template <typename T>
  std::optional<T> maybe(T value) {
    return coin() ? std::optional<T>(std::move(value)) : std::nullopt;
  }

  std::mt19937_64 random_;
};

TEST(Codec, ReadsWhatItWrote) {
  for (uint64_t seed = 0; seed < 500; ++seed) {
    const json written = to_json(Maker(seed).document());
    const auto read = document_from_json(json::parse(json_text(written)));
    ASSERT_TRUE(read.ok()) << read.error().message();
    ASSERT_EQ(to_json(*read), written) << seed;
  }
}

TEST(Codec, KeepsEveryFieldOfAnEvent) {
  for (uint64_t seed = 0; seed < 500; ++seed) {
    const json written = to_json(Maker(seed).event());
    const auto read = event_from_json(json::parse(json_text(written)));
    ASSERT_TRUE(read.ok()) << read.error().message();
    ASSERT_EQ(to_json(*read), written) << seed;
  }
}

TEST(Codec, MissingIsMissing) {
  const auto read = document_from_json(
      {{"schema", "whet-results/1"},
       {"strategies", {{{"name", "a"}, {"accuracy", {{"level", 0.95}}}, {"n_runs", nullptr}}}}});
  ASSERT_TRUE(read.ok()) << read.error().message();
  ASSERT_EQ(read->strategies.size(), 1u);
  EXPECT_EQ(read->strategies[0].title(), "a");
  EXPECT_FALSE(read->strategies[0].accuracy) << "an estimate without a value";
  EXPECT_FALSE(read->strategies[0].n_runs);
  EXPECT_FALSE(read->sandbox);
}

TEST(Codec, OptionsThatAreNumbersAreNumbers) {
  EXPECT_EQ(setting_json("5"), 5);
  EXPECT_EQ(setting_json("0.3"), 0.3);
  EXPECT_EQ(setting_json("run"), "run");
  EXPECT_EQ(setting_json("inf"), "inf") << "JSON has no infinity";
  EXPECT_EQ(setting_json("1e999"), "1e999");
  EXPECT_EQ(setting_json(""), "");
}

/// The message on the document with one place changed.
std::string message_with(const json& whole, const std::string& where, json value) {
  json changed = whole;
  changed[json::json_pointer(where)] = std::move(value);
  const auto read = document_from_json(changed);
  return read.ok() ? "" : read.error().message();
}

json full_document() {
  for (uint64_t seed = 0;; ++seed) {
    const json whole = to_json(Maker(seed).document());
    if (whole["strategies"].size() == 3 && whole["events"].is_array() &&
        whole["events"].size() == 3 && !whole["strategies"][1]["verdict"].is_null() &&
        !whole["strategies"][2]["accuracy"].is_null() && whole["events"][1]["candidates"].size())
      return whole;
  }
}

TEST(Codec, WrongTypesAreNamedByPath) {
  const json whole = full_document();
  EXPECT_EQ(message_with(whole, "/strategies/2/accuracy/value", "0.5"),
            "strategies[2].accuracy.value: expected a number, found \"0.5\"");
  EXPECT_EQ(message_with(whole, "/strategies/2/accuracy", 3),
            "strategies[2].accuracy: expected an object, found 3");
  EXPECT_EQ(message_with(whole, "/strategies/1/verdict/label", "wins"),
            "strategies[1].verdict.label: expected \"pays\", \"does not pay\", \"makes no "
            "difference\", \"cannot tell at this n\", found \"wins\"");
  EXPECT_EQ(message_with(whole, "/strategies", "x"), "strategies: expected an array, found \"x\"");
  EXPECT_EQ(message_with(whole, "/strategies/0/n_runs", 1.5),
            "strategies[0].n_runs: expected an integer below 2^63, found 1.5");
  EXPECT_EQ(message_with(whole, "/strategies/0/kv_bytes", UINT64_MAX),
            "strategies[0].kv_bytes: expected an integer below 2^63, found 18446744073709551615");
  EXPECT_EQ(message_with(whole, "/strategies/0/name", ""),
            "strategies[0].name: expected a name, found \"\"");
  EXPECT_EQ(message_with(whole, "/sampling/a", json::array({1})),
            "sampling.a: expected a number or a text, found an array");
  EXPECT_EQ(message_with(whole, "/events/1/candidates/0/finish", "Stop!"),
            "events[1].candidates[0].finish: expected stop, length, time or cancelled, found "
            "\"Stop!\"");
  EXPECT_EQ(message_with(whole, "/schema", "whet-results/2"),
            "schema: expected \"whet-results/1\", found \"whet-results/2\"");
  EXPECT_EQ(message_with(whole, "/seeds/0", -1),
            "seeds[0]: expected an integer from 0 to 2^64 - 1, found -1");
}

TEST(Codec, NoPartOfADocumentMayCrashTheReaderWhenItsTypeChanges) {
  json whole = full_document();
  const json replacements[] = {nullptr, true, -1, 1e300, "\x01", json::array({1}), {{"k", 1}}};
  size_t n_refused = 0;
  const json flat = whole.flatten();
  for (const auto& [pointer, value] : flat.items()) {
    json& leaf = whole[json::json_pointer(pointer)];
    const json original = leaf;
    for (const json& replacement : replacements) {
      leaf = replacement;
      const auto read = document_from_json(whole);
      if (!read.ok()) {
        ++n_refused;
      } else {
        // What was read can be written, and is then stable.
        const json written = to_json(*read);
        const auto again = document_from_json(written);
        ASSERT_TRUE(again.ok()) << pointer << ": " << again.error().message();
        ASSERT_EQ(to_json(*again), written) << pointer;
      }
    }
    leaf = original;
  }
  EXPECT_GT(n_refused, 100u);
  for (const json& replacement : replacements) EXPECT_FALSE(document_from_json(replacement).ok());
}

TEST(Codec, ShowsEveryText) {
  // Each text that stands in the JSON is shown; the names of words and the schema are not texts.
  Document document = Maker(3).document();
  document.title = "title";
  document.strategies.resize(1);
  document.strategies[0].options = {{"name", "value"}};
  document.strategies[0].verdict.emplace().reason = "reason";
  document.events.resize(1);
  document.events_file = {};
  document.events[0].candidates.resize(1);
  document.events[0].candidates[0].text = "text";
  visit_texts(document, [](std::string_view, std::string& text) { text = "*" + text; });
  EXPECT_EQ(document.title, "*title");
  EXPECT_EQ(document.strategies[0].options, (Settings{{"*name", "*value"}}));
  EXPECT_EQ(document.strategies[0].verdict->reason, "*reason");
  EXPECT_EQ(document.events[0].candidates[0].text, "*text");
  EXPECT_EQ(document.command[0], "*whet");
}

}  // namespace
}  // namespace whet::results
