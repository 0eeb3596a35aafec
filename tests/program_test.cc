// The commands that measure: perplexity, bench.
#include "program.h"

#include <fstream>
#include <nlohmann/json.hpp>

namespace {

TEST(Perplexity, ScoresEveryTokenOnceWhateverTheBatch) {
  fs::path text = scratch("text.txt");
  std::ofstream(text) << "Compute 19 + 283 + 217.\n19+283=302\n302+217=519\nAnswer: 519\n";
  auto nats = [&](const std::string& flags) {
    Ran ran = whet("perplexity -m " + kDraft + " -f " + text.string() + " --json " + flags);
    EXPECT_EQ(ran.status, 0) << ran.out;
    auto json = nlohmann::json::parse(ran.out);
    EXPECT_EQ(json["n_scored"].get<int>(),
              json["n_tokens"].get<int>() - json["n_windows"].get<int>());
    return json["nats_per_token"].get<double>();
  };
  double whole = nats("");
  EXPECT_GT(whole, 0.1);
  EXPECT_LT(whole, 7.0);  // below a uniform guess over the vocabulary
  EXPECT_EQ(nats("-b 3 -t 1"), whole);
}

TEST(Perplexity, ControlTokensInTheTextCountOnRequest) {
  fs::path text = scratch("chat.txt");
  std::ofstream(text) << "<|im_start|>user\nHi<|im_end|>\n";
  auto tokens = [&](const std::string& flags) {
    Ran ran = whet("perplexity -m " + kDraft + " -f " + text.string() + " --json " + flags);
    EXPECT_EQ(ran.status, 0) << ran.out;
    return nlohmann::json::parse(ran.out)["n_tokens"].get<int>();
  };
  EXPECT_EQ(tokens("--parse-special"), 7);
  EXPECT_EQ(tokens(""), 21);  // the markers in pieces
}

TEST(Bench, KeepsRawSamplesUnderLlamaBenchKeys) {
  Ran ran = whet("bench -m " + kDraft + " -p 32 -n 8 -r 3 -t 1 -o json 2>/dev/null");
  ASSERT_EQ(ran.status, 0);
  auto rows = nlohmann::json::parse(ran.out);
  ASSERT_EQ(rows.size(), 2u);
  EXPECT_EQ(rows[0]["n_prompt"], 32);
  EXPECT_EQ(rows[1]["n_gen"], 8);
  for (const auto& row : rows) {
    ASSERT_EQ(row["samples_ts"].size(), 3u);
    EXPECT_GT(row["avg_ts"].get<double>(), 0);
    EXPECT_LE(row["low_ts"].get<double>(), row["median_ts"].get<double>());
    EXPECT_GT(row["read_gb_per_second"].get<double>(), 0);
    EXPECT_GT(row["of_roofline"].get<double>(), 0);
    // Of the runs, not of measuring the ceilings, which takes half a gigabyte.
    EXPECT_LT(row["peak_rss_bytes"].is_null() ? 0 : row["peak_rss_bytes"].get<double>(), 200e6);
  }
}

TEST(Bench, ComparesSequencesTogetherWithOne) {
  Ran ran = whet("bench -m " + kDraft + " -p 0 -n 4 --parallel 1,3 -r 2 -t 1 -o json 2>/dev/null");
  ASSERT_EQ(ran.status, 0);
  auto rows = nlohmann::json::parse(ran.out);
  ASSERT_EQ(rows.size(), 2u);
  EXPECT_EQ(rows[0]["cost_over_one"], 1.0);
  EXPECT_NEAR(rows[1]["cost_over_one"].get<double>() * rows[1]["median_ts"].get<double>(),
              3 * rows[0]["median_ts"].get<double>(), 1e-6 * rows[1]["median_ts"].get<double>());
}

TEST(Bench, ShowsMemoryOfKeysAndValuesUnderMixesOfRequests) {
  Ran ran = whet("bench --kv -m " + kDraft +
                 " -r 1 -t 1 -o json --cache-type-k bf16 --cache-type-v bf16 2>/dev/null");
  ASSERT_EQ(ran.status, 0);
  const auto result = nlohmann::json::parse(ran.out)[0];
  EXPECT_EQ(result["cache_type"], "bf16");
  ASSERT_EQ(result["mixes"].size(), 4u);
  EXPECT_LE(result["mixes"][0]["committed_over_naive"].get<double>(), 0.26);
  EXPECT_GT(result["decode"]["model"]["aliased_ts"].get<double>(), 0);
  EXPECT_GT(result["forks"]["branch_us"].get<double>(), 0);
  EXPECT_EQ(whet("bench --kv -p 64 -m " + kDraft + " 2>&1").status, 2);
}

}  // namespace
