// docs/results-schema.md and the written files name the same fields: every key that a document or
// an event holds stands in the section of the schema that describes its object.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <fstream>
#include <sstream>

#include "experiment/document.h"
#include "results/codec.h"

namespace whet::experiment {
namespace {

std::string schema() {
  std::ifstream file(std::string(WHET_SOURCE_DIR) + "/docs/results-schema.md");
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

/// From this heading line to the next heading.
std::string section(const std::string& heading) {
  const std::string text = schema();
  const size_t begin = text.find("\n" + heading + "\n");
  EXPECT_NE(begin, std::string::npos) << heading;
  if (begin == std::string::npos) return "";
  return text.substr(begin, text.find("\n#", begin + 1 + heading.size()) - begin);
}

void expect_described(const nlohmann::json& object, const std::string& heading) {
  const std::string text = section(heading);
  for (const auto& [key, value] : object.items()) {
    EXPECT_NE(text.find("`" + key + "`"), std::string::npos)
        << "field \"" << key << "\" is written, but not in the section \"" << heading << "\"";
  }
}

/// Field names in the first column of the section's tables.
std::vector<std::string> table_fields(const std::string& heading) {
  std::vector<std::string> fields;
  std::istringstream lines(section(heading));
  for (std::string line; std::getline(lines, line);) {
    if (!line.starts_with("| `")) continue;
    std::string first = line.substr(1, line.find('|', 1) - 1);
    for (size_t open = first.find('`'); open != std::string::npos;
         open = first.find('`', first.find('`', open + 1) + 1)) {
      fields.push_back(first.substr(open + 1, first.find('`', open + 1) - open - 1));
    }
  }
  return fields;
}

void expect_written(const std::string& heading, const nlohmann::json& object) {
  for (const std::string& field : table_fields(heading)) {
    EXPECT_TRUE(object.contains(field))
        << "field \"" << field << "\" of the section \"" << heading << "\" is not written";
  }
}

nlohmann::json document() {
  std::vector<Event> events;
  for (int task = 0; task < 4; ++task) {
    for (const char* strategy : {"base", "s"}) {
      Event event;
      event.strategy = strategy;
      event.task = std::to_string(task);
      event.family = "f";
      event.end_ns = 1000 + task;
      event.prompt_tokens = 1;
      event.grade = eval::GradeStatus::kCorrect;
      events.push_back(event);
    }
  }
  std::vector<Row> rows = {{"base", "", StrategyKind::kBaseline, {}, "", {}},
                           {"s", "", StrategyKind::kStrategy, {}, "", {}}};
  rows[1].against = "base";
  MetricOptions options;
  options.baseline = "base";
  options.families = {"f"};
  options.bootstrap.n_resamples = 50;
  Plan plan;
  plan.task_files = {{"file", "file.jsonl", std::nullopt, 4}};
  results::Document document =
      make_document(plan, summarise(rows, events, options), options, {}, {});
  document.events_file = {"events.jsonl", 8, "5e"};
  return results::to_json(document);
}

TEST(Schema, DescribesEveryFieldOfADocument) {
  const auto json = document();
  expect_described(json, "## `results.json`");
  for (const char* part : {"whet", "machine", "model", "tasks", "design"}) {
    expect_described(json[part], fmt::format("### `{}`", part));
  }
  expect_described(json["status"], "## `results.json`");
  expect_described(json["sampling"], "## `results.json`");
  expect_described(json["limits"], "## `results.json`");
  expect_described(json["sandbox"], "## `results.json`");
  expect_described(json["strategies"][1], "### `strategies[]`");
  expect_described(json["strategies"][1]["verdict"], "### `verdict`");
  expect_described(json["strategies"][1]["accuracy"], "### Estimate");
}

TEST(Schema, PromisesOnlyWhatIsWritten) {
  const auto json = document();
  expect_written("## `results.json`", json);
  expect_written("### `strategies[]`", json["strategies"][1]);
  expect_written("### `design`", json["design"]);
}

TEST(Schema, DescribesEveryFieldOfAnEvent) {
  Event event;
  event.candidates.emplace_back();
  const auto json = results::to_json(event);
  expect_described(json, "## `events.jsonl`");
  expect_described(json["candidates"][0], "## `events.jsonl`");
  expect_described(json["grade"], "## `events.jsonl`");
}

}  // namespace
}  // namespace whet::experiment
