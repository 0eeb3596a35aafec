#include "cli/technique_table.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "cli/variants.h"
#include "report/text.h"

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
      EXPECT_LE(report::display_width(table.substr(begin, end - begin)), width);
      begin = end + 1;
    }
    EXPECT_EQ(n_lines == 3, width == 500);
    for (const char* said :
         {"input tokens", "weights MB", "123.5", "140.0", "110.0", "bits/byte"}) {
      EXPECT_NE(table.find(said), std::string::npos) << said << " in " << width;
    }
  }
}

TEST(TechniqueTable, SaysTheSameInEveryForm) {
  auto rows = technique_rows(document());
  rows[1].bits_per_byte = 1.25;
  rows[1].bits_per_byte_error = 0.5;
  rows[1].weight_bytes = 77;
  EXPECT_NE(technique_table(rows, 80).find("vocab=a"), std::string::npos);
  EXPECT_NE(technique_table(rows, 80).find("0.80x"), std::string::npos);
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

TEST(Variants, OtherFormsAreErrorsThatSayWhatIsExpected) {
  ModelFlags base;
  base.model = WHET_SOURCE_DIR "/models/whetstone-draft-q8_0.gguf";
  const auto message = [&](std::vector<std::string> with) {
    const auto opened = open_variants(base, with);
    return opened.ok() ? std::string() : opened.error().message();
  };
  EXPECT_NE(message({"nonsense"}).find("--with: expected larosa=FILE"), std::string::npos);
  EXPECT_NE(message({"=x"}).find("--with: expected"), std::string::npos);
  EXPECT_NE(message({"other=x"}).find("--with: expected"), std::string::npos);
  EXPECT_NE(message({"kv=q4_0"}).find("expected one of f32, f16, bf16, q8_0, alias"),
            std::string::npos);
  EXPECT_NE(message({"spec=dog"}).find("--spec-type"), std::string::npos);
  EXPECT_NE(message({"spec=ngram:file"}).find("phrase: or draft:"), std::string::npos);
  EXPECT_NE(message({"all"}).find("two or more"), std::string::npos);
  EXPECT_NE(message({"vocab=a", "larosa=b", "all"}).find("all of vocab=a and larosa=b"),
            std::string::npos);
  EXPECT_NE(message({"kv=f32", "kv=q8_0", "all"}).find("found kv twice"), std::string::npos);
  EXPECT_NE(message({"kv=f32", "spec=ngram", "all=x"}).find("leave the file out"),
            std::string::npos);
  EXPECT_NE(message({"all", "all=x"}).find("expected it once"), std::string::npos);
  EXPECT_NE(message({"all="}).find("--with: expected"), std::string::npos);
  EXPECT_NE(message({"larosa=" + base.model}).find("whet adapt larosa"), std::string::npos);
  EXPECT_NE(message({"vocab=/nowhere/x.gguf"}).find("/nowhere/x.gguf"), std::string::npos);
}

TEST(Variants, LarosaDecodesSparseByThePlanBehindItsFile) {
  ModelFlags base;
  base.model = WHET_SOURCE_DIR "/models/whetstone-draft-q8_0.gguf";
  base.speculation.types = "none";
  base.engine.context = 256;
  auto opened = open_variants(
      base, {"larosa=" + base.model + ":wina:0.4", "kv=alias", "spec=ngram", "all=" + base.model});
  ASSERT_TRUE(opened.ok()) << opened.error().message();
  ASSERT_EQ(opened->size(), 4u);
  const auto plan_of = [&](size_t i) { return (*opened)[i].engine->loaded().model.sparsity; };
  EXPECT_EQ((*opened)[0].engine->sparse_rows(), SparseRows::kDecoded);
  EXPECT_EQ(plan_of(0)->method, "wina");
  EXPECT_FALSE((*opened)[0].shares_prompts);
  EXPECT_TRUE((*opened)[1].shares_prompts);
  EXPECT_EQ((*opened)[1].engine->sparse_rows(), SparseRows::kNone);
  EXPECT_EQ((*opened)[3].name, "all");
  EXPECT_EQ((*opened)[3].engine->sparse_rows(), SparseRows::kDecoded);
  EXPECT_EQ(plan_of(3)->method, "wina");
  EXPECT_TRUE((*opened)[3].shares_prompts);
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
