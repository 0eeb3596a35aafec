// The invented sample document of the tests, as JSON and parsed.
#pragma once

#include <gtest/gtest.h>

#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>
#include <string>

#include "report/report.h"
#include "results/codec.h"

namespace whet::report {

inline std::string test_file(const std::string& name) {
  return std::string(WHET_SOURCE_DIR) + "/src/report/testdata/" + name;
}

inline std::string content_of(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream content;
  content << file.rdbuf();
  return content.str();
}

inline nlohmann::json sample_json() {
  return nlohmann::json::parse(content_of(test_file("made_up_results.json")));
}

inline Report parsed(const nlohmann::json& json) {
  auto document = results::document_from_json(json);
  EXPECT_TRUE(document.ok()) << (document.ok() ? "" : document.error().message());
  return make_report(std::move(document).value(), {.max_per_strategy = -1});
}

inline Report sample() {
  return parsed(sample_json());
}

/// The sample with every name, label, family and text replaced by something that attacks renderers.
inline nlohmann::json hostile_json(const std::string& attack) {
  nlohmann::json json = sample_json();
  json["title"] = attack;
  json["command"] = {"whet", attack};
  json["model"]["name"] = attack;
  json["machine"]["cpu"] = attack;
  json["notes"] = {attack};
  json["tasks"]["families"][0]["name"] = attack;
  for (auto& strategy : json["strategies"]) {
    strategy["label"] = attack;
    strategy["options"][attack] = attack;
    strategy["families"][0]["family"] = attack;
    if (!strategy["verdict"].is_null()) strategy["verdict"]["reason"] = attack;
  }
  for (auto& event : json["events"]) {
    for (const char* key : {"task", "family", "question", "reference", "answer", "error"})
      event[key] = attack;
    event["grade"]["detail"] = attack;
    for (auto& candidate : event["candidates"])
      for (const char* key : {"stage", "text", "answer", "reason"}) candidate[key] = attack;
  }
  return json;
}

}  // namespace whet::report
