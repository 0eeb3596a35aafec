#include "report/technique_table.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "report/text.h"

namespace whet::report {
namespace {

results::Event event(const std::string& row, int task, const std::string& answer, double seconds,
                     int64_t n_prompt, int64_t n_out) {
  results::Event e;
  e.strategy = row;
  e.task = std::to_string(task);
  e.answer = answer;
  e.end_ns = static_cast<int64_t>(seconds * 1e9);
  e.prompt_tokens = n_prompt;
  e.completion_tokens = n_out;
  e.kv_bytes = 1000000 * (n_prompt + n_out);
  return e;
}

results::Document document() {
  results::Document d;
  d.design.baseline = "baseline";
  for (const char* name : {"baseline", "vocab=a"}) {
    results::StrategyResult row;
    row.name = name;
    d.strategies.push_back(row);
  }
  for (int task = 0; task < 6; ++task) {
    d.events.push_back(event("baseline", task, "äbcd", 2.0, 100, 40));
    d.events.push_back(event("vocab=a", task, "abcdefgh", 2.0, 80, 30));
  }
  // Neither is counted.
  d.events.push_back(event("baseline", 6, std::string(1000, 'x'), 0.1, 1, 1));
  d.events.back().warmup = true;
  d.events.push_back(event("vocab=a", 6, std::string(1000, 'x'), 0.1, 1, 1));
  d.events.back().error = "failed";
  return d;
}

TEST(TechniqueTable, RatiosAreOfTheSameQuestions) {
  const auto rows = technique_rows(document());
  ASSERT_EQ(rows.size(), 2u);
  EXPECT_FALSE(rows[0].characters_per_second.has_value());
  EXPECT_DOUBLE_EQ(rows[0].mean_characters_per_second, 2.0);  // ä is one character
  EXPECT_DOUBLE_EQ(rows[1].mean_characters_per_second, 4.0);
  EXPECT_NEAR(rows[1].characters_per_second->value, 2.0, 1e-9);
  EXPECT_NEAR(rows[1].answer_characters->value, 2.0, 1e-9);
  EXPECT_NEAR(rows[1].prompt_tokens->value, 0.8, 1e-9);
  EXPECT_NEAR(rows[1].completion_tokens->value, 0.75, 1e-9);
  EXPECT_NEAR(rows[1].time->value, 1.0, 1e-9);
  EXPECT_EQ(rows[1].time->n, 6);
  ASSERT_TRUE(rows[0].kv && rows[1].kv);
  EXPECT_EQ(rows[0].kv->peak, 140000000u);
  EXPECT_DOUBLE_EQ(rows[1].kv->mean, 110e6);
  EXPECT_NEAR(rows[1].kv_bytes->value, 110.0 / 140, 1e-9);
  EXPECT_FALSE(rows[1].process.has_value());
}

TEST(TechniqueTable, FitsTheTerminal) {
  auto rows = technique_rows(document());
  rows[0].name = "vocab=" + std::string(200, 'x') + ".gguf";
  rows[1].bits_per_byte = 1.25;
  rows[1].weight_bytes = 123456789;
  for (const int width : {60, 80, 500}) {
    const std::string table = technique_table(rows, width);
    size_t n_lines = 0;
    for (size_t begin = 0; begin < table.size(); ++n_lines) {
      const size_t end = table.find('\n', begin);
      EXPECT_LE(display_width(table.substr(begin, end - begin)), width);
      begin = end + 1;
    }
    EXPECT_EQ(n_lines == 3, width == 500);
    for (const char* said :
         {"input tokens", "weights MB", "123.5", "140.0", "110.0", "bits/byte"}) {
      EXPECT_NE(table.find(said), std::string::npos) << said << " in " << width;
    }
  }
}

TEST(TechniqueTable, NamesThatDifferInTheirMiddleAreToldApart) {
  auto rows = technique_rows(document());
  const std::string tail(40, 't');
  rows[0].name = "larosa=a-plan-0.25" + tail;
  rows[1].name = "larosa=a-plan-0.40" + tail;
  const std::string table = technique_table(rows, 80);
  EXPECT_NE(table.find("25tt"), std::string::npos) << table;
  EXPECT_NE(table.find("40tt"), std::string::npos) << table;
}

TEST(TechniqueTable, SaysTheSameInEveryForm) {
  auto rows = technique_rows(document());
  rows[1].bits_per_byte = 1.25;
  rows[1].bits_per_byte_error = 0.5;
  rows[1].weight_bytes = 77;
  EXPECT_NE(technique_table(rows, 80).find("vocab=a"), std::string::npos);
  EXPECT_NE(technique_table(rows, 80).find("0.80\u00d7"), std::string::npos);
  const auto json = technique_json(rows);
  EXPECT_EQ(json["schema"], "whet-compare/1");
  EXPECT_TRUE(json["rows"][0]["ratio_to_baseline"]["time"].is_null());
  EXPECT_NEAR(json["rows"][1]["ratio_to_baseline"]["prompt_tokens"]["value"].get<double>(), 0.8,
              1e-9);
  EXPECT_EQ(json["rows"][1]["bits_per_byte"], 1.25);
  EXPECT_EQ(json["rows"][1]["weight_bytes"], 77);
  EXPECT_EQ(json["rows"][1]["kv_bytes_peak"], 110000000);
  EXPECT_FALSE(json["rows"][1].contains("process_bytes_peak"));
  const std::string csv = technique_csv(rows);
  EXPECT_NE(csv.find(",77,110000000,110000000,,\n"), std::string::npos) << csv;
  const size_t first = csv.find('\n');
  const auto columns = [&](std::string_view line) {
    return std::count(line.begin(), line.end(), ',');
  };
  for (size_t begin = 0; begin < csv.size();) {
    const size_t end = csv.find('\n', begin);
    EXPECT_EQ(columns(csv.substr(begin, end - begin)), columns(csv.substr(0, first)));
    begin = end + 1;
  }
}

/// As a run of everything leaves them: one row with each value, one with none.
std::vector<TechniqueRow> full_rows() {
  auto rows = technique_rows(document());
  rows[1].bits_per_byte = 1.25;
  rows[1].bits_per_byte_error = 0.5;
  rows[1].weight_bytes = 77;
  rows[1].process = RunBytes{300, 200.5};
  rows[1].accuracy = stats::Estimate{0.5, stats::Interval{0.25, 0.75}, 0.95, "Wilson", 6};
  return rows;
}

TEST(TechniqueTable, ComesBackFromItsJson) {
  const auto json = technique_json(full_rows());
  const auto rows = techniques_from_json(json);
  ASSERT_TRUE(rows.ok()) << rows.error().message();
  EXPECT_EQ(technique_json(*rows), json);
  EXPECT_EQ(technique_csv(*rows), technique_csv(full_rows()));
  EXPECT_EQ(technique_table(*rows, 100), technique_table(full_rows(), 100));
}

TEST(TechniqueTable, JsonOfStrangersIsRefusedWithThePlace) {
  const auto message = [](const std::function<void(nlohmann::ordered_json&)>& change) {
    auto json = technique_json(full_rows());
    change(json);
    const auto rows = techniques_from_json(json);
    return rows.ok() ? std::string("accepted") : rows.error().message();
  };
  EXPECT_EQ(message([](auto& json) { json["schema"] = "whet-results/1"; }),
            "schema: expected \"whet-compare/1\", as whet compare writes it");
  EXPECT_EQ(message([](auto& json) { json = 7; }),
            "schema: expected \"whet-compare/1\", as whet compare writes it");
  EXPECT_EQ(message([](auto& json) { json["rows"] = 7; }), "rows: expected a list");
  EXPECT_EQ(message([](auto& json) { json["rows"][1] = 7; }), "rows[1]: expected an object");
  const auto of_row = [&](const char* key, const nlohmann::ordered_json& value) {
    return message([&](auto& json) { json["rows"][1][key] = value; });
  };
  EXPECT_EQ(of_row("name", 7), "rows[1].name: expected a text");
  EXPECT_EQ(of_row("mean_characters_per_second", nullptr),
            "rows[1].mean_characters_per_second: expected a number");
  EXPECT_EQ(of_row("ratio_to_baseline", nullptr), "rows[1].ratio_to_baseline: expected an object");
  EXPECT_EQ(of_row("bits_per_byte", "1"), "rows[1].bits_per_byte: expected a number");
  EXPECT_EQ(of_row("weight_bytes", -1), "rows[1].weight_bytes: expected a number of bytes");
  EXPECT_EQ(of_row("kv_bytes_peak", 1.5), "rows[1].kv_bytes_peak: expected a number of bytes");
  EXPECT_EQ(of_row("accuracy", 0.5), "rows[1].accuracy: expected an object or null");
  EXPECT_EQ(of_row("accuracy", {{"n", 3}}), "rows[1].accuracy.value: expected a number");
  const auto of_time = [&](const nlohmann::ordered_json& interval) {
    return message(
        [&](auto& json) { json["rows"][1]["ratio_to_baseline"]["time"]["interval"] = interval; });
  };
  for (const auto& interval : {nlohmann::ordered_json(1), nlohmann::ordered_json({1}),
                               nlohmann::ordered_json({1, "2"}), nlohmann::ordered_json({1, 2, 3})})
    EXPECT_EQ(of_time(interval), "rows[1].ratio_to_baseline.time.interval: expected two numbers");
}

TEST(TechniqueTable, IsReadFromBesideTheDocument) {
  namespace fs = std::filesystem;
  std::string directory = (fs::temp_directory_path() / "whet-techniques-XXXXXX").string();
  ASSERT_NE(mkdtemp(directory.data()), nullptr);
  const auto none = load_techniques(directory);
  ASSERT_TRUE(none.ok());
  EXPECT_TRUE(none->empty());
  std::ofstream(directory + "/compare.json") << technique_json(full_rows());
  for (const std::string& path : {directory, directory + "/results.json"}) {
    const auto rows = load_techniques(path);
    ASSERT_TRUE(rows.ok()) << rows.error().message();
    EXPECT_EQ(rows->size(), 2u) << path;
  }
  std::ofstream(directory + "/compare.json") << "{";
  const auto broken = load_techniques(directory);
  ASSERT_FALSE(broken.ok());
  EXPECT_EQ(broken.error().message(), directory + "/compare.json: not a JSON document");
  fs::remove_all(directory);
}

}  // namespace
}  // namespace whet::report
