#include "report/document.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "report/testdata/sample.h"

namespace whet::report {
namespace {

TEST(Document, ReadsTheSample) {
  const Document doc = sample();
  ASSERT_EQ(doc.strategies.size(), 8u);
  EXPECT_EQ(doc.strategies[0].kind, StrategyKind::kBaseline);
  EXPECT_FALSE(doc.strategies[0].difference_to_baseline);
  EXPECT_FALSE(doc.strategies[1].peak_rss_bytes);
  EXPECT_EQ(doc.strategies[3].verdict->kind, VerdictKind::kPays);
  EXPECT_EQ(doc.strategies[3].difference_to_control->against, "baseline_same_time");
  EXPECT_EQ(doc.strategies[7].kind, StrategyKind::kControl);
  EXPECT_EQ(doc.families.size(), 4u);
  EXPECT_EQ(doc.events.size(), 24u);
  const bool correct = sample_json()["events"][0]["grade"]["status"] == "correct";
  EXPECT_EQ(doc.events[0].grade, correct ? GradeStatus::kCorrect : GradeStatus::kWrong);
}

TEST(Document, EveryFieldButSchemaAndNamesMayBeMissing) {
  const Document doc = parsed({{"schema", "whet-results/1"}, {"strategies", {{{"name", "a"}}}}});
  ASSERT_EQ(doc.strategies.size(), 1u);
  EXPECT_EQ(doc.strategies[0].label, "a");
  EXPECT_FALSE(doc.strategies[0].accuracy);
  EXPECT_TRUE(doc.facts.empty());
}

TEST(Document, SeedsMayUseAll64Bits) {
  auto json = sample_json();
  json["seeds"] = {UINT64_MAX};
  json["design"]["bootstrap_seed"] = UINT64_MAX;
  json["events"][0]["seed"] = UINT64_MAX;
  const Document doc = parsed(json);
  EXPECT_EQ(doc.seeds[0], "18446744073709551615");
  EXPECT_EQ(doc.events[0].seed, "18446744073709551615");
}

TEST(Document, WrongTypesAreNamedByPath) {
  auto message_with = [](const nlohmann::json::json_pointer& where, nlohmann::json value) {
    auto json = sample_json();
    json[where] = std::move(value);
    auto result = parse_document(json);
    EXPECT_FALSE(result.ok()) << where.to_string();
    return result.ok() ? "" : result.error().message();
  };
  using Pointer = nlohmann::json::json_pointer;
  EXPECT_EQ(message_with(Pointer("/strategies/2/accuracy/value"), "0.5"),
            "strategies[2].accuracy.value: expected a number");
  EXPECT_EQ(message_with(Pointer("/strategies/2/accuracy"), 3),
            "strategies[2].accuracy: expected an object");
  EXPECT_EQ(message_with(Pointer("/strategies/1/verdict/label"), "wins"),
            "strategies[1].verdict.label: expected \"pays\", \"does not pay\", \"makes no "
            "difference\" or "
            "\"cannot tell at this n\"");
  EXPECT_EQ(message_with(Pointer("/strategies"), "x"), "strategies: expected an array");
  EXPECT_EQ(message_with(Pointer("/strategies/0/n_runs"), 1.5),
            "strategies[0].n_runs: expected an integer");
  EXPECT_EQ(message_with(Pointer("/strategies/0/kv_bytes"), UINT64_MAX),
            "strategies[0].kv_bytes: expected an integer below 2^63");
  EXPECT_NE(message_with(Pointer("/schema"), "whet-results/2").find("whet-results/2"),
            std::string::npos);
}

TEST(Document, NoPartOfTheSampleMayCrashTheReaderWhenItsTypeChanges) {
  auto json = sample_json();
  const auto flat = json.flatten();
  const nlohmann::json replacements[] = {
      nullptr, true, -1, 1e300, "\x01", nlohmann::json::array({1}), {{"k", 1}}};
  size_t n = 0;
  for (const auto& [pointer, value] : flat.items()) {
    if (++n % 11 != 0) continue;  // a sample of the leaves keeps the test short
    auto& leaf = json[nlohmann::json::json_pointer(pointer)];
    const auto original = leaf;
    for (const auto& replacement : replacements) {
      leaf = replacement;
      (void)parse_document(json).ok();
    }
    leaf = original;
  }
  for (const auto& replacement : replacements) EXPECT_FALSE(parse_document(replacement).ok());
}

class DocumentFiles : public testing::Test {
 protected:
  void SetUp() override {
    directory_ =
        std::filesystem::path(testing::TempDir()) / ("whet_document_" + std::to_string(::getpid()));
    std::filesystem::create_directories(directory_);
  }
  void TearDown() override { std::filesystem::remove_all(directory_); }
  void write(const std::string& name, const std::string& content) {
    std::ofstream(directory_ / name, std::ios::binary) << content;
  }
  std::filesystem::path directory_;
};

TEST_F(DocumentFiles, EventsComeFromTheFileBesideIt) {
  auto json = sample_json();
  const auto events = json["events"];
  json["events"] = {{"file", "events.jsonl"}, {"n", events.size()}};
  write("results.json", json.dump());
  std::string lines = "{\"schema\": \"whet-events/1\"}\n";
  for (const auto& event : events) lines += event.dump() + "\n";
  auto warmup = events[0];
  warmup["warmup"] = true;
  lines += warmup.dump() + "\n" + "{\"strategy\": \"torn";
  write("events.jsonl", lines);
  const auto doc = load_document(directory_.string(), {.max_events_per_strategy = 2});
  ASSERT_TRUE(doc.ok()) << doc.error().message();
  EXPECT_EQ(doc->events.size(), 16u);  // 8 strategies, 2 each
  EXPECT_EQ(doc->n_events, 24);
  EXPECT_EQ(doc->notes.back(), "1 lines of the events file could not be read.");
}

TEST_F(DocumentFiles, TracesShowDisagreementsAndSomeOfEachFamilyFirst) {
  nlohmann::json json = {{"schema", "whet-results/1"},
                         {"design", {{"baseline", "base"}}},
                         {"strategies", {{{"name", "base"}}, {{"name", "s"}}}},
                         {"events", {{"file", "events.jsonl"}}}};
  write("results.json", json.dump());
  std::string lines;
  // Ten tasks of each family; the strategy differs on the last one of "a" and the last two of "b".
  for (const std::string strategy : {"base", "s"}) {
    for (int i = 0; i < 20; ++i) {
      const bool differs = strategy == "s" && (i == 9 || i >= 18);
      lines += nlohmann::json{{"strategy", strategy},
                              {"task", "t" + std::to_string(i)},
                              {"family", i < 10 ? "a" : "b"},
                              {"seed", 1},
                              {"grade", {{"status", differs ? "correct" : "wrong"}}}}
                   .dump() +
               "\n";
    }
  }
  write("events.jsonl", lines);
  const auto doc = load_document(directory_.string(), {.max_events_per_strategy = 5});
  ASSERT_TRUE(doc.ok()) << doc.error().message();
  std::vector<std::string> of_base, of_s;
  for (const Event& event : doc->events)
    (event.strategy == "s" ? of_s : of_base).push_back(event.task);
  const std::vector<std::string> expected = {"t9", "t18", "t0", "t10", "t19"};
  EXPECT_EQ(of_s, expected);
  EXPECT_EQ(of_base, expected) << "the same tasks, to compare";
}

TEST_F(DocumentFiles, EventsOutsideTheDirectoryAreNotOpened) {
  auto json = sample_json();
  const std::string line = json["events"][0].dump() + "\n";
  json["events"] = {{"file", "../" + directory_.filename().string() + "/events.jsonl"}};
  write("results.json", json.dump());
  write("events.jsonl", line);
  const auto doc = load_document(directory_.string());
  ASSERT_TRUE(doc.ok());
  EXPECT_TRUE(doc->events.empty());
}

TEST_F(DocumentFiles, ErrorsNameThePath) {
  const auto missing = load_document((directory_ / "no.json").string());
  ASSERT_FALSE(missing.ok());
  EXPECT_EQ(missing.error().code(), ErrorCode::kNotFound);
  EXPECT_NE(missing.error().message().find("no.json: "), std::string::npos);
  write("results.json", "{\"schema\": ");
  const auto torn = load_document(directory_.string());
  ASSERT_FALSE(torn.ok());
  EXPECT_EQ(torn.error().code(), ErrorCode::kInvalidArgument);
}

}  // namespace
}  // namespace whet::report
