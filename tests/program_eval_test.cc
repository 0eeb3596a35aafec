// whet eval, tasks, report and diff: experiments and what is made of their results.
#include "program.h"

#include <algorithm>
#include <fstream>
#include <nlohmann/json.hpp>

namespace {

TEST(Eval, ACopiedProgramKeepsItsTasks) {
  const fs::path directory = scratch("copy");
  fs::create_directory(directory);
  fs::copy_file(WHET_PROGRAM, directory / "whet");
  const std::string copy = "cd " + directory.string() + " && ./whet </dev/null ";
  FILE* pipe = ::popen(
      (copy + "eval -m " + kDraft + " --strategies baseline -n 9 --no-code --no-charts -o out 2>&1")
          .c_str(),
      "r");
  std::string out;
  for (int c; (c = std::fgetc(pipe)) != EOF;) out += static_cast<char>(c);
  EXPECT_EQ(::pclose(pipe), 0) << out;
  std::ifstream results(directory / "out" / "results.json");
  EXPECT_EQ(nlohmann::json::parse(results)["tasks"]["files"].size(), 9u);
}

TEST(Results, AreRenderedAndComparedAgain) {
  const fs::path a = scratch("results-a"), b = scratch("results-b");
  const std::string eval = "eval -m " + kDraft +
                           " --strategies baseline,re2 --tasks divide -n 3 --no-code --no-charts "
                           "--max-tokens 8 -o ";
  ASSERT_EQ(whet(eval + a.string()).status, 0);
  ASSERT_EQ(whet(eval + b.string() + " --temp 0.25 --system 'Be brief.'").status, 0);
  const auto content = [](const fs::path& path) {
    std::ifstream file(path, std::ios::binary);
    return std::string(std::istreambuf_iterator<char>(file), {});
  };
  EXPECT_EQ(whet("report --csv " + a.string()).out, content(a / "report.csv"));
  EXPECT_EQ(whet("report --markdown " + a.string()).out, content(a / "report.md"));
  EXPECT_EQ(nlohmann::json::parse(whet("report --json " + a.string()).out),
            nlohmann::json::parse(content(a / "results.json")));
  const std::string both = whet("report " + a.string() + " " + b.string()).out;
  EXPECT_NE(both.find("Why"), both.rfind("Why"));

  const fs::path written = scratch("results-written") / "deep";
  EXPECT_EQ(whet("report --no-charts -o " + written.string() + " " + a.string()).status, 0);
  EXPECT_EQ(content(written / "report.csv"), content(a / "report.csv"));
  const Ran barred =
      whet("report -o " + (a / "results.json").string() + " " + a.string() + " 2>&1");
  EXPECT_NE(barred.status, 0);
  EXPECT_NE(barred.out.find("--out "), std::string::npos) << barred.out;

  const std::string same = whet("diff " + a.string() + " " + a.string()).out;
  EXPECT_NE(same.find("The settings are the same."), std::string::npos) << same;
  const std::string other = whet("diff " + a.string() + " " + b.string()).out;
  EXPECT_NE(other.find("sampling.temperature: "), std::string::npos) << other;
  EXPECT_NE(other.find(" | 0.25"), std::string::npos) << other;
  EXPECT_NE(other.find("design.system: "), std::string::npos) << other;
  EXPECT_NE(other.find(" | Be brief."), std::string::npos) << other;
  ASSERT_EQ(std::system(("gzip '" + (b / "events.jsonl").string() + "'").c_str()), 0);
  EXPECT_EQ(whet("diff " + a.string() + " " + b.string()).out, other);

  std::ofstream(b / "results.json")
      << R"({"schema": "whet-results/1", "strategies": [{"name": 3}]})";
  const Ran hostile = whet("report " + b.string() + " 2>&1");
  EXPECT_NE(hostile.status, 0);
  EXPECT_NE(hostile.out.find("strategies[0].name: expected a text, found 3"), std::string::npos)
      << hostile.out;
}

TEST(Compare, RunsEveryTechniqueAloneAndTogetherIn80Columns) {
  const fs::path out = scratch("compare");
  const Ran ran =
      whet("compare -m " + kDraft + " --with larosa=" + kDraft + ":0.5 --with vocab=" + kDraft +
           " --with spec=ngram --with kv=alias --with all=" + kDraft +
           " --tasks divide -n 3 --seeds 2 --no-code --no-charts --max-tokens 8 -c 512 "
           "-t 1 --text " +
           kSource + "/LICENSE -o " + out.string() + " 2>/dev/null");
  ASSERT_EQ(ran.status, 0) << ran.out;
  const std::string table = ran.out.substr(0, ran.out.find("Ratios"));
  for (size_t begin = 0; begin < table.size();) {
    const size_t end = std::min(table.find('\n', begin), table.size());
    const std::string line = table.substr(begin, end - begin);
    EXPECT_LE(std::ranges::count_if(line, [](char c) { return (c & 0xC0) != 0x80; }), 80) << line;
    begin = end + 1;
  }
  std::ifstream file(out / "compare.json");
  const auto rows = nlohmann::json::parse(file)["rows"];
  ASSERT_EQ(rows.size(), 6u);
  const auto &base = rows[0], &larosa = rows[1], &vocab = rows[2], &all = rows[5];
  EXPECT_NEAR(vocab["bits_per_byte"].get<double>(), base["bits_per_byte"].get<double>(), 1e-9);
  EXPECT_GT(larosa["bits_per_byte"].get<double>(), base["bits_per_byte"].get<double>());
  EXPECT_NEAR(all["bits_per_byte"].get<double>(), larosa["bits_per_byte"].get<double>(), 1e-6);
  EXPECT_GT(larosa["weight_bytes"], base["weight_bytes"]);  // and copies by channel
  for (const auto& row : rows) {
    EXPECT_GT(row["kv_bytes_mean"].get<double>(), 0);
    EXPECT_GE(row["kv_bytes_peak"].get<double>(), row["kv_bytes_mean"].get<double>());
  }
}

TEST(Eval, LeavesResultsThatResumeWithoutRunningAgain) {
  fs::path out = scratch("eval");
  std::string arguments = "eval -m " + kDraft +
                          " --strategies baseline,majority-voting:n=3 --tasks chain -n 4 -o " +
                          out.string() + " --no-charts";
  Ran first = whet(arguments + " 2>&1");
  ASSERT_EQ(first.status, 0) << first.out;
  EXPECT_NE(first.out.find("majority-voting"), std::string::npos);
  for (const char* name : {"results.json", "events.jsonl", "report.html", "report.csv"}) {
    EXPECT_TRUE(fs::exists(out / name)) << name;
  }
  auto events = fs::file_size(out / "events.jsonl");
  EXPECT_NE(whet(arguments + " 2>&1").status, 0);  // a record is there already
  EXPECT_EQ(whet(arguments + " --resume 2>&1").status, 0);
  EXPECT_EQ(fs::file_size(out / "events.jsonl"), events);
}

TEST(Eval, AsksInSeveralWordingsBesideAVoteInTheSameTime) {
  const fs::path out = scratch("wordings");
  const fs::path file = scratch("wordings.jsonl");
  std::ofstream(file) << R"({"name": "plain"})"
                      << "\n"
                      << R"({"name": "brief", "after": " Be brief."})"
                      << "\n";
  const std::string arguments = " --tasks chain -n 3 --prompt-variants " + file.string();
  const Ran ran =
      whet("eval -m " + kDraft + arguments +
           " --strategies baseline,re2 --control vote --no-charts -o " + out.string() + " 2>&1");
  ASSERT_EQ(ran.status, 0) << ran.out;
  std::ifstream written(out / "results.json");
  const auto results = nlohmann::json::parse(written);
  EXPECT_EQ(results["design"]["control"], "vote-same-time");
  EXPECT_NEAR(results["design"]["alpha"].get<double>(), 0.05, 1e-12);
  EXPECT_EQ(results["tasks"]["n_tasks"], 6);
  EXPECT_EQ(results["tasks"]["families"][1]["name"], "chain@brief");
  EXPECT_EQ(results["strategies"][2]["name"], "vote-same-time(re2)");
  EXPECT_NE(whet("eval -m none --plan" + arguments).out.find("6 tasks x 1 seeds"),
            std::string::npos);
  EXPECT_NE(whet("eval -m none --plan" + arguments).out.find("in 3 groups"), std::string::npos);
  std::ofstream(file) << R"({"name": "plain", "prefix": "x"})";
  const Ran refused = whet("eval -m none --plan" + arguments + " 2>&1");
  EXPECT_EQ(refused.status, 2);
  EXPECT_NE(refused.out.find("line 1: unknown key \"prefix\""), std::string::npos) << refused.out;
  fs::remove(file);
}

TEST(Tasks, GradesTheKeysOfWhatComesWithWhet) {
  const Ran ran = whet("tasks multiply clock --check --json");
  ASSERT_EQ(ran.status, 0) << ran.out;
  const auto tasks = nlohmann::json::parse(ran.out);
  EXPECT_EQ(tasks["parts"].size(), 2u);
  EXPECT_EQ(tasks["check"]["n_right"], 160);
  EXPECT_TRUE(tasks["check"]["rest"].empty());
}

TEST(Tasks, FailsWhereASolutionIsWrong) {
  const fs::path file = scratch("tasks.jsonl");
  std::ofstream(file) << R"({"id":"p","family":"f","prompt":"?","grader":{"type":"python",)"
                      << R"("entry_point":"f","tests":"assert f(1) == 2\n",)"
                      << R"("solution":"def f(x):\n    return x\n"}})"
                      << "\n";
  const Ran ran = whet("tasks --check " + file.string());
  EXPECT_EQ(ran.status, 3);
  EXPECT_NE(ran.out.find("1 solutions graded"), std::string::npos) << ran.out;
  EXPECT_NE(ran.out.find(": 0 right"), std::string::npos) << ran.out;
  EXPECT_NE(whet("tasks --check nonesuch 2>&1").status, 0);
  fs::remove(file);
}

TEST(Eval, PlansTheRowsThatWouldRun) {
  const Ran ran =
      whet("eval -m none --plan --tasks multiply -n 5 --strategies re2,baseline,greedy --with x");
  EXPECT_NE(ran.out.find("11 rows (the baseline, strategies: 5, controls: 5): 55 runs"),
            std::string::npos)
      << ran.out;
  // One strategy has four claims: (z(1 - 0.05 / 4) + z(0.8))^2 (0.1 - 0.05^2) / 0.05^2 = 371 tasks
  // for a gain of 0.05 where a tenth changes, and by Student's t three more.
  const Ran one = whet("eval -m none --plan --tasks multiply -n 5 --strategies baseline,re2");
  EXPECT_NE(one.out.find(" 374 "), std::string::npos) << one.out;
  const Ran twice = whet("eval -m none --plan --tasks multiply --strategies re2,re2 2>&1");
  EXPECT_NE(twice.status, 0);
  EXPECT_NE(twice.out.find("re2 is given twice"), std::string::npos) << twice.out;
}

TEST(Eval, GroupsTasksByTheirKind) {
  const Ran ran = whet("eval -m none --plan --tasks multiply --group-by kind");
  EXPECT_EQ(ran.status, 0);
  EXPECT_NE(ran.out.find("The tasks stand in 4 groups"), std::string::npos) << ran.out;
  EXPECT_EQ(whet("eval -m none --plan --tasks multiply").out.find("groups"), std::string::npos);
  const fs::path file = scratch("kindless.jsonl");
  std::ofstream(file) << R"({"id":"a","family":"f","prompt":"?",)"
                      << R"("grader":{"type":"numeric","answer":"1"}})"
                      << "\n";
  const Ran refused =
      whet("eval -m none --plan --group-by kind --tasks " + file.string() + " 2>&1");
  EXPECT_EQ(refused.status, 2);
  EXPECT_NE(refused.out.find("expected a kind of every task"), std::string::npos) << refused.out;
  fs::remove(file);
}

TEST(Eval, NamesTheFileAndTheFormOfItsWeights) {
  std::string hash;
  for (const auto& [flag, weights] :
       {std::pair{" --repack off", "mapped"}, {" --repack", "interleaved"}}) {
    const fs::path out = scratch(std::string("eval-") + weights);
    const Ran ran = whet("eval -m " + kDraft + " --strategies baseline --tasks chain -n 2 -o " +
                         out.string() + " --no-charts" + flag + " 2>&1");
    ASSERT_EQ(ran.status, 0) << ran.out;
    std::ifstream file(out / "results.json");
    const auto model = nlohmann::json::parse(file)["model"];
    EXPECT_EQ(model["weights"], weights);
    EXPECT_EQ(model["arithmetic"], "quantised");
    EXPECT_EQ(model["sha256"], hash.empty() ? model["sha256"] : nlohmann::json(hash));
    hash = model["sha256"];
    EXPECT_EQ(hash.size(), 64u);
  }
}

TEST(Eval, TakesSeedsOfAll64BitsAndKeepsTheRecordWhereAFlagIsWrong) {
  const fs::path directory = scratch("seeds");
  const std::string arguments = "eval -m " + kDraft + " --tasks chain -n 1 --max-tokens 4 -o " +
                                directory.string() + " --no-charts ";
  const std::string one = "--strategies baseline -s 18446744073709551615 ";
  ASSERT_EQ(whet(arguments + one + "2>/dev/null").status, 0);
  const auto size = fs::file_size(directory / "events.jsonl");
  ASSERT_EQ(whet(arguments + one + "--resume 2>/dev/null").status, 0);
  EXPECT_EQ(fs::file_size(directory / "events.jsonl"), size)
      << "the seed was read as it was written";
  const Ran wrong = whet(arguments + "--strategies baseline,bset-of-n --overwrite 2>&1");
  EXPECT_EQ(wrong.status, 2) << wrong.out;
  EXPECT_EQ(fs::file_size(directory / "events.jsonl"), size);
  fs::remove_all(directory);
}

}  // namespace
