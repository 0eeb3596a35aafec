#include "cli/technique_table.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "cli/variants.h"

namespace whet {
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
}

TEST(TechniqueTable, SaysTheSameInEveryForm) {
  auto rows = technique_rows(document());
  rows[1].bits_per_byte = 1.25;
  rows[1].bits_per_byte_error = 0.5;
  EXPECT_NE(technique_table(rows).find("vocab=a"), std::string::npos);
  EXPECT_NE(technique_table(rows).find("0.80x"), std::string::npos);
  const auto json = technique_json(rows);
  EXPECT_EQ(json["schema"], "whet-compare/1");
  EXPECT_TRUE(json["rows"][0]["ratio_to_baseline"]["time"].is_null());
  EXPECT_NEAR(json["rows"][1]["ratio_to_baseline"]["prompt_tokens"]["value"].get<double>(), 0.8,
              1e-9);
  EXPECT_EQ(json["rows"][1]["bits_per_byte"], 1.25);
  const std::string csv = technique_csv(rows);
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

TEST(Variants, OtherFormsAreErrorsThatSayWhatIsExpected) {
  ModelFlags base;
  base.model = WHET_SOURCE_DIR "/models/whetstone-draft-q8_0.gguf";
  const auto message = [&](std::vector<std::string> with) {
    const auto opened = open_variants(base, with);
    return opened.ok() ? std::string() : opened.error().message();
  };
  EXPECT_NE(message({"nonsense"}).find("--with: expected vocab=FILE"), std::string::npos);
  EXPECT_NE(message({"=x"}).find("--with: expected"), std::string::npos);
  EXPECT_NE(message({"other=x"}).find("--with: expected"), std::string::npos);
  EXPECT_NE(message({"kv=alias"}).find("expected one of f32, f16, bf16, q8_0"), std::string::npos);
  EXPECT_NE(message({"spec=dog"}).find("--spec-type"), std::string::npos);
  EXPECT_NE(message({"spec=ngram:file"}).find("phrase: or draft:"), std::string::npos);
  EXPECT_NE(message({"all"}).find("two or more"), std::string::npos);
  EXPECT_NE(message({"vocab=a", "model=b", "all"}).find("a model file twice"), std::string::npos);
  EXPECT_NE(message({"vocab=/nowhere/x.gguf"}).find("/nowhere/x.gguf"), std::string::npos);
}

TEST(Variants, AllIsEveryOtherInOne) {
  ModelFlags base;
  base.model = WHET_SOURCE_DIR "/models/whetstone-draft-q8_0.gguf";
  base.speculation.types = "none";
  base.engine.context = 256;
  auto opened = open_variants(base, {"spec=ngram", "kv=q8_0", "all"});
  ASSERT_TRUE(opened.ok()) << opened.error().message();
  ASSERT_EQ(opened->size(), 3u);
  EXPECT_EQ((*opened)[0].engine->kv_shape().type, DType::F16);
  EXPECT_EQ((*opened)[1].engine->kv_shape().type, DType::Q8_0);
  EXPECT_EQ((*opened)[2].engine->kv_shape().type, DType::Q8_0);
  EXPECT_EQ((*opened)[2].name, "all");
  EXPECT_NE((*opened)[2].description.find("spec ngram, kv q8_0"), std::string::npos);
}

}  // namespace
}  // namespace whet
