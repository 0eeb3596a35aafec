#include "eval/reference_metric.h"

#include <gtest/gtest.h>

#include <fstream>
#include <nlohmann/json.hpp>

namespace whet::eval {
namespace {

// Values of rouge-score 0.1.2, sacrebleu 2.6.0 and SQuAD's formulas: tests/golden/
// make_metric_golden.py.
TEST(ReferenceMetric, HasTheValuesOfTheMetricsOwnPackages) {
  std::ifstream file(WHET_SOURCE_DIR "/tests/golden/reference_metrics.jsonl");
  ASSERT_TRUE(file);
  size_t n = 0;
  for (std::string text; std::getline(file, text); ++n) {
    const auto line = nlohmann::json::parse(text);
    const auto references = line["references"].get<std::vector<std::string>>();
    for (const char* metric : {"squad", "rouge", "bleu", "chrf"}) {
      const auto values = reference_metrics(metric, line["text"].get<std::string>(), references);
      ASSERT_FALSE(values.empty());
      for (const auto& [name, value] : values) {
        EXPECT_NEAR(value, line["values"][name].get<double>(), 1e-9) << name << " of " << text;
      }
    }
  }
  EXPECT_GE(n, 70u);
}

TEST(ReferenceMetric, AnyBytesHaveValuesFromZeroToOne) {
  const std::vector<std::string> references = {"\xff\xfe x", std::string("\0a", 2), "."};
  for (const std::string text : {"", "\xff", "\xc3\xa4\x80", "&amp;&", ". , -", "a\n-\nb"}) {
    for (const char* metric : {"squad", "rouge", "bleu", "chrf"}) {
      for (const auto& [name, value] : reference_metrics(metric, text, references)) {
        EXPECT_GE(value, 0) << name;
        EXPECT_LE(value, 1 + 1e-12) << name;
      }
    }
  }
  EXPECT_TRUE(reference_metrics("vibes", "a", references).empty());
}

}  // namespace
}  // namespace whet::eval
