// The commands that measure: perplexity, bench.
#include "program.h"

#include <cstdio>
#include <fstream>
#include <nlohmann/json.hpp>

namespace {

/// A file of some windows of 128 tokens.
std::string short_text() {
  std::ifstream license(kSource + "/LICENSE");
  std::string words(2500, ' ');
  license.read(words.data(), static_cast<std::streamsize>(words.size()));
  const fs::path text = scratch("short.txt");
  std::ofstream(text) << words;
  return text.string();
}

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

TEST(Perplexity, DivergenceFromABaseFile) {
  const std::string base = scratch("base.logits"), text = kSource + "/LICENSE";
  const Ran wrote = whet("perplexity " + kDraftDirectory + " -c 64 -f " + text +
                         " --kl-divergence-base " + base + " --json");
  ASSERT_EQ(wrote.status, 0);
  const double perplexity = nlohmann::json::parse(wrote.out)["perplexity"].get<double>();
  const auto compare = [&](const std::string& model, const std::string& flags) {
    const Ran ran =
        whet("perplexity " + model + " --kl-divergence --kl-divergence-base " + base + flags);
    EXPECT_EQ(ran.status, 0) << ran.out;
    return nlohmann::json::parse(ran.out);
  };
  const auto itself = compare(kDraftDirectory, " --json -f " + text);
  EXPECT_NEAR(itself["kl_mean"].get<double>(), 0, 1e-5);
  EXPECT_NEAR(itself["perplexity"].get<double>(), perplexity, 1e-6 * perplexity);
  EXPECT_NEAR(itself["base_perplexity"].get<double>(), perplexity, 1e-3 * perplexity);
  EXPECT_GT(itself["same_top"].get<double>(), 0.99);
  const std::string four_bits = scratch("q4_0.gguf");
  ASSERT_EQ(whet("quantize " + kDraftDirectory + " " + four_bits + " q4_0").status, 0);
  const auto coarse = compare(four_bits, " --json -t 1 -b 7");
  EXPECT_GT(coarse["kl_mean"].get<double>(), 1e-3);
  EXPECT_LE(coarse["kl_median"].get<double>(), coarse["kl_99_9"].get<double>());
  EXPECT_LT(coarse["same_top"].get<double>(), 1);
  for (const std::string& wrong :
       {" -c 65 --kl-divergence --kl-divergence-base " + base,
        " -f " + kSource + "/README.md --kl-divergence --kl-divergence-base " + base,
        std::string(" --kl-divergence"), std::string(" --kl-divergence-base ") + base}) {
    const Ran ran = whet("perplexity " + kDraftDirectory + wrong + " 2>&1");
    EXPECT_EQ(ran.status, 2) << wrong << ran.out;
  }
  EXPECT_EQ(whet("perplexity " + kDraftDirectory + " --kl-divergence --kl-divergence-base " + text +
                 " 2>&1")
                .status,
            3);
}

TEST(Convert, SaysWhichMatricesBitsLeftAsTheyWere) {
  const auto notes = [&](const char* group) {
    const std::string out = scratch(std::string("mlx") + group);
    fs::remove_all(out);
    const Ran ran = whet("convert " + kDraftDirectory + " " + out +
                         " --to mlx --bits 4 --group-size " + group + " 2>&1 >/dev/null");
    EXPECT_EQ(ran.status, 0) << ran.out;
    fs::remove_all(out);
    return ran.out;
  };
  EXPECT_NE(notes("64").find("stay floats: their rows are no whole groups of 64"),
            std::string::npos);
  EXPECT_EQ(notes("32").find("stay floats"), std::string::npos);
}

TEST(Imatrix, IsMadeAndHeeded) {
  const std::string matrix = scratch("imatrix.gguf"), out = scratch("weighed.gguf");
  ASSERT_EQ(
      whet("imatrix " + kDraftDirectory + " -c 128 -f " + kSource + "/LICENSE -o " + matrix).status,
      0);
  const Ran weighed = whet("quantize " + kDraftDirectory + " " + out + " q4_0 --imatrix " + matrix +
                           " --json 2>/dev/null");
  ASSERT_EQ(weighed.status, 0);
  const auto report = nlohmann::json::parse(weighed.out);
  int n_weighed = 0;
  for (const auto& tensor : report["tensors"]) n_weighed += tensor["imatrix"].get<bool>();
  EXPECT_GT(n_weighed, 10);
  const Ran foreign = whet("quantize " + kSource + "/tests/golden/qwen2.gguf " + out +
                           " q4_0 --imatrix " + matrix + " 2>&1");
  EXPECT_NE(foreign.status, 0) << foreign.out;
}

TEST(AdaptLarosa, TheCopyPredictsAsTheModelDoesAndItsPlanIsHeeded) {
  const std::string out = scratch("rotated.gguf"), text = kSource + "/LICENSE";
  const std::string adapt = "adapt larosa " + kDraftDirectory + " -f " + text + " -o " + out +
                            " --tokens 1024 --window 128 --type ";
  const Ran made = whet(adapt + "f16 --search 2>&1");
  ASSERT_EQ(made.status, 0) << made.out;
  EXPECT_NE(made.out.find("balance 0.8"), std::string::npos) << made.out;
  const auto nats = [&](const std::string& model) {
    const Ran ran = whet("perplexity " + model + " -f " + text + " -c 128 --json 2>/dev/null");
    EXPECT_EQ(ran.status, 0) << model;
    return nlohmann::json::parse(ran.out)["nats_per_token"].get<double>();
  };
  const double before = nats(kDraftDirectory), dense = nats(out);
  EXPECT_NEAR(dense, before, 0.01 * before);
  EXPECT_NE(nats(out + " --sparsity plan"), dense);
  EXPECT_EQ(nats(out + " --sparsity 0"), dense);
  const auto shown = nlohmann::json::parse(whet("show " + out + " --json").out)["sparsity"];
  EXPECT_EQ(shown["method"], "larosa");
  EXPECT_LT(shown["channels"]["ffn_output"]["kept"], shown["channels"]["ffn_output"]["all"]);
  EXPECT_NE(whet("show " + out).out.find("channels kept"), std::string::npos);
  EXPECT_TRUE(nlohmann::json::parse(whet("show " + kDraft + " --json").out)["sparsity"].is_null());
  const Ran no_plan = whet("serve " + kDraft + " --port 0 --sparsity plan 2>&1");
  EXPECT_EQ(no_plan.status, 2);
  EXPECT_NE(no_plan.out.find("expected a file with a plan"), std::string::npos) << no_plan.out;

  const Ran both = whet("run " + out + " -p a -n 1 --sparsity plan --spec-type ngram 2>&1");
  EXPECT_EQ(both.status, 2) << both.out;
  EXPECT_NE(both.out.find("no speculation beside it"), std::string::npos) << both.out;
  const std::string run = "run " + out + " -p 'a b a b a b' -n 40 --temp 0 --sparsity plan";
  EXPECT_EQ(whet(run + " 2>/dev/null").out, whet(run + " --spec-type none 2>/dev/null").out);
  const Ran again = whet(adapt + "q8_0 --search-inputs 2>&1");
  EXPECT_NE(again.out.find("were seen before"), std::string::npos) << again.out;
  double found = 0, before_search = 0;
  const size_t at = again.out.find("budget of each input");
  ASSERT_NE(at, std::string::npos) << again.out;
  ASSERT_EQ(std::sscanf(again.out.c_str() + at,
                        "budget of each input: divergence %lf nats per token, %lf before", &found,
                        &before_search),
            2)
      << again.out;
  EXPECT_GT(found, 0);
  EXPECT_LE(found, before_search);
  const Ran refused =
      whet("perplexity " + kDraftDirectory + " -f " + text + " --sparsity plan 2>&1");
  EXPECT_NE(refused.status, 0);
  EXPECT_NE(refused.out.find("whet adapt larosa"), std::string::npos) << refused.out;
  const Ran unknown = whet("perplexity " + out + " -f " + text + " --sparsity some 2>&1");
  EXPECT_NE(unknown.out.find("wina:0.4"), std::string::npos) << unknown.out;
}

TEST(Perplexity, OfWhatIsDecodedSparseBehindADensePrompt) {
  const std::string command = "perplexity " + kDraft + " -f " + short_text() + " -c 128 ";
  const auto scored = [&](const std::string& flags) {
    const Ran ran = whet(command + "--json " + flags + " 2>/dev/null");
    EXPECT_EQ(ran.status, 0) << flags;
    return nlohmann::json::parse(ran.out);
  };
  const auto nats = [](const nlohmann::json& score) {
    return score["nats_per_token"].get<double>();
  };
  const auto all = scored("--sparsity 0.4 --sparse-from 0");
  EXPECT_NEAR(nats(all["sparse"]), nats(scored("--sparsity 0.4")), 1e-6);
  EXPECT_NEAR(nats(all["dense"]), nats(scored("")), 1e-6);
  const auto later = scored("--sparsity 0.4 --sparse-from 100");
  EXPECT_LT(later["n_scored"].get<int>(), all["n_scored"].get<int>() / 3);
  EXPECT_NE(later["difference_nats"].get<double>(), 0);
  EXPECT_EQ(scored("--sparsity 0 --sparse-from 100")["difference_nats"].get<double>(), 0);
  EXPECT_EQ(whet(command + "--sparse-from 1 2>&1").status, 2);
  EXPECT_EQ(whet(command + "--sparsity 0.4 --sparse-from 127 2>&1").status, 2);
}

TEST(Perplexity, BlocksLeftOutOfSingleRowsChangeNoBit) {
  const auto scored = [](const std::string& flags) {
    const Ran ran = whet("perplexity " + kDraft + " -f " + short_text() + " -c 64 --json " + flags +
                         " 2>/dev/null");
    EXPECT_EQ(ran.status, 0) << flags;
    return nlohmann::json::parse(ran.out);
  };
  const auto dense = scored(""), together = scored("--sparsity block:0.6");
  // Rows by themselves read the kept blocks of the weights, rows together multiply zeros.
  const auto alone = scored("--sparsity block:0.6 -b 1");
  EXPECT_EQ(alone["nats_per_token"], together["nats_per_token"]);
  EXPECT_NE(alone["nats_per_token"], dense["nats_per_token"]);
  EXPECT_EQ(scored("--sparsity block:0 -b 1")["nats_per_token"], dense["nats_per_token"]);
  EXPECT_GT(alone["sparse_share_counted"].get<double>(), 0.2);
  EXPECT_LT(alone["sparse_share_counted"].get<double>(), 0.6);
  EXPECT_EQ(alone["sparse_share_counted"], together["sparse_share_counted"]);
  EXPECT_FALSE(dense.contains("sparse_share_counted"));

  const std::string of_256 = scratch("blocks-of-256.gguf");
  const Ran made = whet("synth -o " + of_256 +
                        " --like smollm2-135m --layers 1 --width 256 --heads 4 --kv-heads 2 --ffn "
                        "512 --type q4_k_m 2>&1");
  ASSERT_EQ(made.status, 0) << made.out;
  const Ran refused = whet("run " + of_256 + " -p a -n 1 --sparsity block:0.4 2>&1");
  EXPECT_EQ(refused.status, 2) << refused.out;
  EXPECT_NE(refused.out.find("blocks of 32 columns"), std::string::npos) << refused.out;
}

TEST(AdaptMagnitudes, ThresholdsFollowFromTheCopy) {
  const std::string out = scratch("magnitudes.gguf"), text = short_text();
  const Ran made = whet("adapt magnitudes " + kDraft + " -f " + text + " -o " + out +
                        " --tokens 512 --window 128 2>&1");
  ASSERT_EQ(made.status, 0) << made.out;
  const auto nats = [&](const std::string& flags) {
    const Ran ran = whet("perplexity " + flags + " -f " + text + " -c 128 --json 2>/dev/null");
    EXPECT_EQ(ran.status, 0) << flags;
    return nlohmann::json::parse(ran.out)["nats_per_token"].get<double>();
  };
  const double dense = nats(kDraft);
  EXPECT_EQ(nats(out), dense);
  EXPECT_NE(nats(out + " --sparsity teal:0.4"), dense);
  EXPECT_NE(nats(out + " --sparsity cats:0.4"), dense);
  EXPECT_NE(nats(out + " --sparsity teal:0.4"), nats(out + " --sparsity cats:0.4"));
  const Ran run = whet("run " + out + " -p a -n 8 --temp 0 --sparsity teal:0.5 2>&1");
  EXPECT_EQ(run.status, 0) << run.out;
  EXPECT_NE(run.out.find("matrices copied"), std::string::npos) << run.out;
  const Ran refused = whet("perplexity " + kDraft + " -f " + text + " --sparsity teal:0.4 2>&1");
  EXPECT_NE(refused.out.find("whet adapt magnitudes"), std::string::npos) << refused.out;
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
