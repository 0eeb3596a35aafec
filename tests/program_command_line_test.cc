// What every command does alike: flags, errors, exit statuses, output; and whet doctor.
#include "program.h"

#include <unistd.h>
#include <fstream>
#include <nlohmann/json.hpp>

namespace {

TEST(CommandLine, HelpsWithoutBeingAskedTwice) {
  const std::string overview = whet("--help").out;
  for (const char* arguments : {"", "help", "-h"}) EXPECT_EQ(whet(arguments).out, overview);
  EXPECT_EQ(whet("help run").out, whet("run --help").out);
  for (const char* arguments : {"version", "-v", "--version"})
    EXPECT_EQ(whet(arguments).out.find("whet "), 0u) << arguments;
  EXPECT_NE(whet("rnu 2>&1").out.find("did you mean run?"), std::string::npos);
  const Ran half = whet("adapt vocab 2>&1");
  EXPECT_EQ(half.status, 2);
  EXPECT_NE(half.out.find("expected one of adapt vocab mine, adapt vocab apply\n"),
            std::string::npos)
      << half.out;
}

TEST(CommandLine, WarnsOfAContextBeyondTheTraining) {
  for (const std::string& arguments :
       {"run " + kDraft + " -p hi -n 1 -c 1000",
        "perplexity " + kDraft + " -f " + kSource + "/LICENSE -c 1000",
        "bench " + kDraft + " -p 0 -n 1 -d 600 -r 1"}) {
    const Ran ran = whet(arguments + " 2>&1 >/dev/null");
    EXPECT_EQ(ran.status, 0) << arguments;
    EXPECT_NE(ran.out.find("was trained for 512"), std::string::npos) << arguments << ran.out;
  }
  EXPECT_EQ(whet("run " + kDraft + " -p hi -n 1 -s 1 2>&1 >/dev/null").out, "");
}

TEST(CommandLine, EveryCommandTakesTheModelByPositionAndByFlag) {
  for (const std::string& command :
       {std::string("run"), std::string("eval"), std::string("bench"), std::string("perplexity"),
        std::string("show"), std::string("verify"), std::string("tokenize")}) {
    const std::string rest = command == "perplexity" ? " -f " + kSource + "/LICENSE"
                             : command == "tokenize" || command == "run" ? " -p x"
                                                                         : "";
    for (const char* form : {" /nowhere.gguf", " -m /nowhere.gguf", " --model=/nowhere.gguf"}) {
      const Ran ran = whet(command + form + rest + " 2>&1");
      EXPECT_EQ(ran.status, command == "verify" ? ran.status : 3) << command << form << ran.out;
      EXPECT_NE(ran.out.find("/nowhere.gguf"), std::string::npos) << command << form << ran.out;
    }
  }
}

TEST(CommandLine, ValuesThatMeanNothingAreRefused) {
  const std::string m = kDraft + " ";
  for (const std::string& arguments : {"eval " + m + "--max-tokens 0",
                                       "eval " + m + "--max-tokens -5",
                                       "eval " + m + "-n -3",
                                       "eval " + m + "--warmup -1",
                                       "eval " + m + "--time-limit -1",
                                       "eval " + m + "--time-limit nan",
                                       "eval " + m + "-s -1",
                                       "eval " + m + "--seeds 5-1",
                                       "run " + m + "-p a --logprobs 2",
                                       "run " + m + "-p a -s 18446744073709551616",
                                       "run " + m + "-p a -n -2",
                                       "run " + m + "-p a -t -1",
                                       "run " + m + "-p a -c -1",
                                       "run " + m + "-p a -b 0",
                                       "run " + m + "-p a --top-k -1",
                                       "run " + m + "-p a --temp inf",
                                       "run " + m + "-p a --samples 4097",
                                       "bench " + m + "-r 0",
                                       "bench " + m + "-o sql",
                                       "bench " + m + "-b 0",
                                       std::string("doctor -t -1"),
                                       "perplexity " + m + "-c 1 -f " + kSource + "/LICENSE",
                                       "perplexity " + m + "-c -1 -f " + kSource + "/LICENSE",
                                       std::string("quantize a b q8_0 -t -1"),
                                       std::string("synth -o /tmp/none --layers -1")}) {
    const Ran ran = whet(arguments + " 2>&1");
    EXPECT_EQ(ran.status, 2) << arguments << "\n" << ran.out;
    EXPECT_EQ(ran.out.find("whet: error: "), 0u) << arguments << "\n" << ran.out;
  }
  const Ran largest = whet("run " + m + "-p a -n 1 --json -s 18446744073709551615");
  EXPECT_EQ(nlohmann::json::parse(largest.out)["seed"].get<uint64_t>(), UINT64_MAX);
}

TEST(Errors, HaveTheirExitStatusAndSayWhat) {
  struct Case {
    std::string arguments;
    int status;
    std::string words;
  };
  for (const Case& c :
       {Case{"run -m /nonexistent.gguf -p x", 3, "/nonexistent.gguf"},
        Case{"run -m " + kDraft + " -p x --temp -1", 2, "temperature"},
        Case{"run -m " + kDraft + " -p x --samples 0", 2, "--samples"},
        Case{"run -m " + kDraft + " -p ''  --raw", 2, "empty"},
        Case{"run -m " + kDraft + " -p x -l nonsense", 2, "-l: expected TOKEN_ID"},
        Case{"frobnicate", 2, "frobnicate"}, Case{"bench -m " + kDraft + " -p 5x", 2, "5x"},
        Case{"eval -m " + kDraft + " --tasks nowhere", 3, "nowhere"},
        Case{"eval -m " + kDraft + " --strategies nonsense --no-charts -o /tmp/whet-none", 2,
             "nonsense"},
        Case{"show " + kSource, 3, ""}}) {
    Ran ran = whet(c.arguments + " 2>&1");
    EXPECT_EQ(ran.status, c.status) << c.arguments << "\n" << ran.out;
    EXPECT_NE(ran.out.find(c.words), std::string::npos) << c.arguments << "\n" << ran.out;
  }
  EXPECT_EQ(whet("--version 2>&1", "WHET_ISA=nonsense").status, 2);
}

TEST(Output, EveryCommandFailsWhereStdoutIsFull) {
  const std::string model = " -m " + kDraft;
  for (const std::string& arguments :
       {std::string("--version"), std::string("--help"), "run" + model + " -p hi -n 4",
        "run" + model + " -p hi -n 4 --json", "run" + model + " -p hi -n 4 --samples 2",
        "show " + kDraft, "show " + kDraft + " --json", "verify " + kDraft,
        "tokenize" + model + " -p hi", "perplexity" + model + " -c 32 -f " + kSource + "/LICENSE",
        "bench" + model + " -p 4 -n 2 -r 1 -o json", std::string("doctor --json"),
        "quantize " + kDraftDirectory + " /dev/null q8_0 -v",
        std::string("synth --layers 1 --width 64 --heads 2 --kv-heads 1 --ffn 96 "
                    "--vocabulary 301 -c 64 -o /dev/null")}) {
    const Ran ran = whet(arguments + " 2>&1 >/dev/full");
    EXPECT_EQ(ran.status, 1) << arguments << "\n" << ran.out;
    EXPECT_NE(ran.out.find("whet: error: cannot write to standard output"), std::string::npos)
        << arguments << "\n"
        << ran.out;
  }
  EXPECT_EQ(whet("--version >&- 2>/dev/null").status, 1) << "a closed standard output";
  EXPECT_EQ(whet("frobnicate >/dev/full 2>/dev/full").status, 2) << "its own error is kept";
  for (const char* lost : {"2>/dev/full", "2>&-"}) {
    const Ran ran = whet("run" + model + " -p hi -n 4 --temp 0 -v -fa 1 --repack auto " + lost);
    EXPECT_EQ(ran.status, 0) << lost;
    EXPECT_FALSE(ran.out.empty()) << lost;
  }
}

TEST(Output, AFileNeverGetsTheNumberOfAClosedStream) {
  const fs::path file = scratch("streams.gguf");
  for (const char* closed : {"<&- >&- 2>&-", "2>&-", "<&- 2>&-"}) {
    whet("quantize " + kDraftDirectory + " " + file.string() + " q8_0 -v " + closed);
    EXPECT_EQ(whet("verify " + file.string() + " 2>&1").status, 0) << closed;
    fs::remove(file);
  }
}

TEST(Output, JsonHoldsPathsThatAreNotUtf8) {
  const fs::path directory = scratch("bytes");
  fs::create_directory(directory);
  const std::string model = directory / "\xff\xc3.gguf";
  fs::create_symlink(kDraft, model);
  const std::string m = " -m '" + model + "' ";
  for (const std::string& arguments :
       {"run" + m + "-p hi -n 2 --json",
        "perplexity" + m + "-c 32 --json -f " + kSource + "/LICENSE",
        "bench" + m + "-p 4 -n 2 -r 1 -o json", "show '" + model + "' --json",
        "verify '" + model + "' --json"}) {
    const Ran ran = whet(arguments + " 2>/dev/null");
    EXPECT_EQ(ran.status, 0) << arguments;
    EXPECT_FALSE(nlohmann::json::parse(ran.out, nullptr, false).is_discarded()) << ran.out;
    EXPECT_NE(ran.out.find("\xef\xbf\xbd"), std::string::npos) << arguments << ran.out;
  }
  fs::remove_all(directory);
}

TEST(Doctor, SeesTheQuotaOfAVersion1Group) {
  const fs::path group = "/sys/fs/cgroup/cpu/whet-test-" + std::to_string(::getpid());
  std::error_code error;
  if (!fs::create_directory(group, error))
    GTEST_SKIP() << "no cgroup of version 1 can be made here";
  std::ofstream(group / "cpu.cfs_period_us") << 100000;
  std::ofstream(group / "cpu.cfs_quota_us") << 150000;
  const Ran ran =
      whet("doctor --json", "echo $$ > " + (group / "cgroup.procs").string() + "; exec");
  fs::remove(group, error);
  ASSERT_EQ(ran.status, 0);
  const auto json = nlohmann::json::parse(ran.out);
  EXPECT_EQ(json["quota_cpus"], 1.5);
  EXPECT_EQ(json["usable_threads"], 1);
}

TEST(Doctor, StaysWithinTheMemoryOfItsGroup) {
  const fs::path group = "/sys/fs/cgroup/memory/whet-test-" + std::to_string(::getpid());
  std::error_code error;
  if (!fs::create_directory(group, error))
    GTEST_SKIP() << "no cgroup of version 1 can be made here";
  std::ofstream(group / "memory.limit_in_bytes") << (uint64_t{300} << 20);
  const Ran ran =
      whet("doctor --json", "echo $$ > " + (group / "cgroup.procs").string() + "; exec");
  fs::remove(group, error);
  ASSERT_EQ(ran.status, 0) << "killed for its memory?";
  const auto json = nlohmann::json::parse(ran.out);
  EXPECT_LE(json["available_bytes"].get<uint64_t>(), uint64_t{300} << 20);
  for (const auto& ceiling : json["ceilings"]) {
    EXPECT_GT(ceiling["read_gb_per_second"].get<double>(), 0.1) << ceiling;
  }
}

TEST(Doctor, MeasuresWhatTheMachineOffers) {
  Ran ran = whet("doctor -t 1 --json");
  ASSERT_EQ(ran.status, 0);
  auto json = nlohmann::json::parse(ran.out);
  EXPECT_GE(json["usable_threads"].get<int>(), 1);
  EXPECT_GT(json["ceilings"][0]["int8_gmac_per_second"].get<double>(), 0.1);
  EXPECT_GT(json["ceilings"][0]["float_gmac_per_second"].get<double>(), 0.1);
  EXPECT_GT(json["ceilings"][0]["bf16_gmac_per_second"].get<double>(), 0.1);
  EXPECT_EQ(nlohmann::json::parse(whet("doctor -t 1 --json", "WHET_ISA=scalar").out)["isa"],
            "scalar");
}

}  // namespace
