// The program as a user meets it: flags in, output and exit status out.
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <string>

namespace {

namespace fs = std::filesystem;

const std::string kSource = WHET_SOURCE_DIR;
const std::string kDraft = kSource + "/models/whetstone-draft-q8_0.gguf";
const std::string kDraftDirectory = kSource + "/models/whetstone-draft";

struct Ran {
  int status;
  std::string out;  // stdout, and stderr where the arguments redirect it
};

Ran whet(const std::string& arguments, const std::string& environment = "") {
  // No input, unless the arguments redirect it: a prompt could come in there.
  std::string command = environment + " " + WHET_PROGRAM " </dev/null " + arguments;
  FILE* pipe = ::popen(command.c_str(), "r");
  std::string out;
  std::array<char, 4096> buffer;
  for (size_t n; (n = std::fread(buffer.data(), 1, buffer.size(), pipe)) > 0;)
    out.append(buffer.data(), n);
  int status = ::pclose(pipe);
  return {WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status), out};
}

fs::path scratch(const std::string& name) {
  fs::path path = fs::path(::testing::TempDir()) / ("whet-program-" + name);
  fs::remove_all(path);
  return path;
}

TEST(Run, GreedyTextIsTheSameForAnyThreadsBatchAndMemory) {
  std::string arguments = "run -m " + kDraft + " -p 'What is 12 + 34?' -n 40 --temp 0 ";
  Ran reference = whet(arguments + "-t 1");
  ASSERT_EQ(reference.status, 0);
  EXPECT_GT(reference.out.size(), 3u);
  EXPECT_EQ(whet(arguments + "-t 2").out, reference.out);
  EXPECT_EQ(whet(arguments + "-t 3 -b 5").out, reference.out);
  EXPECT_EQ(whet(arguments, "WHET_ISA=scalar").out, reference.out);
  EXPECT_EQ(whet(arguments + "--no-mmap").out, reference.out);
  EXPECT_EQ(whet(arguments + "--repack").out, reference.out);
  EXPECT_EQ(whet(arguments + "--repack", "WHET_ISA=scalar").out, reference.out);
  EXPECT_EQ(whet(arguments + "--repack --exact").out, whet(arguments + "--exact").out);
}

TEST(Run, RepackAutoSaysWhatItChose) {
  const std::string arguments =
      "run -m " + kDraft + " -p 'What is 12 + 34?' -n 8 --temp 0 --repack auto";
  const Ran scalar = whet(arguments + " 2>&1 >/dev/null", "WHET_ISA=scalar");
  EXPECT_EQ(scalar.status, 0);
  EXPECT_NE(scalar.out.find("weights mapped: "), std::string::npos) << scalar.out;
  // One answer is short: nothing is chosen, nothing said.
  EXPECT_EQ(whet("run -m " + kDraft + " -p hi -n 2 --temp 0 2>&1 >/dev/null").out.find("weights"),
            std::string::npos);
}

TEST(Run, SaysWhereNothingCanBeInterleaved) {
  const fs::path file = scratch("q5_0.gguf");
  ASSERT_EQ(whet("synth --type q5_0 --layers 1 --width 64 --heads 2 --kv-heads 1 --ffn 96 "
                 "--vocabulary 301 -c 64 -o " +
                 file.string())
                .status,
            0);
  const Ran ran =
      whet("run --raw -p a -n 4 --temp 0 --repack -m " + file.string() + " 2>&1 >/dev/null");
  EXPECT_EQ(ran.status, 0);
  EXPECT_NE(ran.out.find("--repack: no matrix"), std::string::npos) << ran.out;
  fs::remove(file);
}

TEST(Run, JsonHoldsTextsCountsAndTimings) {
  Ran ran = whet("run -m " + kDraft +
                 " -p 'What is 12 + 34?' -n 20 --samples 3 --ignore-eos -s 5 --json");
  ASSERT_EQ(ran.status, 0);
  auto json = nlohmann::json::parse(ran.out);
  ASSERT_EQ(json["texts"].size(), 3u);
  EXPECT_EQ(json["usage"]["completion_tokens"], 60);
  EXPECT_EQ(json["seed"], 5);
  for (const char* key :
       {"ttft_ms", "prompt_per_second", "predicted_per_second", "total_ms", "load_ms"}) {
    EXPECT_GT(json["timings"][key].get<double>(), 0) << key;
  }
  EXPECT_EQ(
      whet("run -m " + kDraft + " -p 'What is 12 + 34?' -n 20 --samples 3 --ignore-eos -s 5 --json")
          .out.substr(0, 200),
      ran.out.substr(0, 200));
}

TEST(Run, SampleDoesNotDependOnItsBatchMates) {
  auto text = [](const std::string& flags) {
    Ran ran = whet("run -m " + kDraft + " -p 'Add 5 and 6.' -n 24 --json " + flags);
    EXPECT_EQ(ran.status, 0);
    return nlohmann::json::parse(ran.out)["texts"];
  };
  auto together = text("--samples 3 -s 40");
  EXPECT_EQ(text("-s 40")[0], together[0]);
  EXPECT_EQ(text("-s 41")[0], together[1]);
  EXPECT_EQ(text("-s 42")[0], together[2]);
}

TEST(Run, GgufAndSafeTensorsOfOneModelTokenizeAlike) {
  for (const char* text : {"What is 12 + 34?", "def f(x):\\n    return x * 2", "naïve ✓"}) {
    std::string flags = std::string(" --ids -p '") + text + "'";
    Ran gguf = whet("tokenize -m " + kDraft + flags);
    EXPECT_EQ(gguf.status, 0);
    EXPECT_EQ(whet("tokenize -m " + kDraftDirectory + flags).out, gguf.out);
  }
}

TEST(Run, PromptLongerThanTheContextIsRefusedWithBothLengths) {
  Ran ran = whet("run -m " + kDraft +
                 " -c 16 --raw -p 'one two three four five six seven eight nine ten eleven' 2>&1");
  EXPECT_EQ(ran.status, 2);
  EXPECT_NE(ran.out.find("context holds 16"), std::string::npos) << ran.out;
}

TEST(Run, TakesItsPromptFromWhereverItComes) {
  const fs::path file = scratch("prompt.txt");
  std::ofstream(file) << "What is 12 + 34?";
  const std::string m = kDraft + " -n 20 --temp 0 ";
  const std::string expected = whet("run " + m + "-p 'What is 12 + 34?'").out;
  EXPECT_GT(expected.size(), 3u);
  for (const std::string& arguments :
       {"run " + m + "'What is 12 + 34?'", "run " + m + "What is 12 + '34?'",
        "run -m " + m + "'What is 12 + 34?'", "run " + m + "-f " + file.string(),
        "run " + m + "< " + file.string(), "run " + m + "-f - < " + file.string(),
        "run " + m + "-p - < " + file.string(), "run " + m + "-f /dev/stdin < " + file.string()}) {
    Ran ran = whet(arguments + " 2>&1");
    EXPECT_EQ(ran.status, 0) << arguments;
    EXPECT_EQ(ran.out, expected) << arguments;
  }
  std::ofstream(file) << "B\n\n";
  const Ran joined = whet("run " + m + "--raw -p 'A' --json < " + file.string());
  const Ran written = whet("run " + m + "--raw --json -p \"$(printf 'A\\n\\nB\\n.')\"");
  const auto tokens = [](const Ran& ran) {
    return nlohmann::json::parse(ran.out)["usage"]["prompt_tokens"].get<int>();
  };
  EXPECT_EQ(tokens(joined) + 1, tokens(written)) << "the argument, an empty line, what is piped";
  EXPECT_EQ(whet("run " + m + "-p a -f " + file.string() + " 2>&1").status, 2);
  EXPECT_EQ(whet("run " + m + " 2>&1").status, 2) << "an empty pipe is no prompt";
  std::ofstream(file) << std::string(5000, 'x');
  EXPECT_EQ(whet("run " + m + "< " + file.string() + " 2>&1").status, 2) << "too long for it";
}

TEST(Run, ShowsTheSeedThatItDrew) {
  const std::string run = "run " + kDraft + " -p 'Tell me a number.' -n 12 --temp 1.5 ";
  const Ran drawn = whet(run + "2>&1");
  const size_t at = drawn.out.find("-s ");
  ASSERT_NE(at, std::string::npos) << drawn.out;
  const std::string seed = drawn.out.substr(at, drawn.out.find(' ', at + 3) - at);
  const std::string again = whet(run + seed + " 2>&1").out;
  EXPECT_EQ(drawn.out.substr(0, again.size()), again);
}

TEST(Run, LogprobsNameTheirTokens) {
  const Ran ran =
      whet("run " + kDraft + " -p 'What is 12 + 34?' -n 8 --temp 0 --json --logprobs 2");
  ASSERT_EQ(ran.status, 0);
  const auto completion = nlohmann::json::parse(ran.out)["completions"][0];
  std::string text;
  for (const auto& token : completion["logprobs"]) {
    std::string bytes;
    for (const auto& byte : token["bytes"]) bytes += static_cast<char>(byte.get<int>());
    EXPECT_EQ(token["token"], bytes);
    EXPECT_EQ(token["top"].size(), 2u);
    EXPECT_EQ(token["top"][0]["token"], token["token"]) << "greedy";
    text += bytes;
  }
  EXPECT_EQ(text.substr(0, completion["text"].get<std::string>().size()), completion["text"]);
}

TEST(CommandLine, HelpsWithoutBeingAskedTwice) {
  const std::string overview = whet("--help").out;
  for (const char* arguments : {"", "help", "-h"}) EXPECT_EQ(whet(arguments).out, overview);
  EXPECT_EQ(whet("help run").out, whet("run --help").out);
  for (const char* arguments : {"version", "-v", "--version"})
    EXPECT_EQ(whet(arguments).out.find("whet "), 0u) << arguments;
  EXPECT_NE(whet("rnu 2>&1").out.find("did you mean run?"), std::string::npos);
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

TEST(Show, DescribesWhatCannotRun) {
  std::ifstream in(kDraft, std::ios::binary);
  std::string bytes(std::istreambuf_iterator<char>(in), {});
  const size_t at = bytes.find(std::string("\5\0\0\0\0\0\0\0llama", 13));
  ASSERT_NE(at, std::string::npos);
  bytes.replace(at + 8, 5, "mamba");
  const fs::path odd = scratch("odd.gguf");
  std::ofstream(odd, std::ios::binary) << bytes;
  const Ran ran = whet("show " + odd.string() + " --json");
  ASSERT_EQ(ran.status, 0);
  const auto json = nlohmann::json::parse(ran.out);
  EXPECT_EQ(json["architecture"], "mamba");
  EXPECT_EQ(json["runs"], false);
  EXPECT_NE(json["reason"].get<std::string>().find("mamba"), std::string::npos);
  EXPECT_EQ(json["parameters"],
            nlohmann::json::parse(whet("show --json " + kDraft).out)["parameters"]);
  EXPECT_NE(whet("show " + odd.string()).out.find("runs              no: "), std::string::npos);
  EXPECT_EQ(whet("run " + odd.string() + " -p a 2>&1").status, 3);
}

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
  ASSERT_EQ(whet(eval + b.string() + " --temp 0.25").status, 0);
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

  const std::string same = whet("diff " + a.string() + " " + a.string()).out;
  EXPECT_NE(same.find("The settings are the same."), std::string::npos) << same;
  const std::string other = whet("diff " + a.string() + " " + b.string()).out;
  EXPECT_NE(other.find("sampling.temperature: "), std::string::npos) << other;
  EXPECT_NE(other.find(" | 0.25"), std::string::npos) << other;

  std::ofstream(b / "results.json")
      << R"({"schema": "whet-results/1", "strategies": [{"name": 3}]})";
  const Ran hostile = whet("report " + b.string() + " 2>&1");
  EXPECT_NE(hostile.status, 0);
  EXPECT_NE(hostile.out.find("strategies[0].name: expected a text, found 3"), std::string::npos)
      << hostile.out;
}

TEST(Form, AnswersSuitTheirSchemaAtEverySetting) {
  const std::string schema =
      R"({"type": "object", "properties": {"kind": {"enum": ["cat", "dog"]}, "age": {"type": "integer",
          "minimum": 3, "maximum": 17}, "name": {"type": "string", "maxLength": 6}, "tags": {"type": "array",
          "items": {"type": "boolean"}, "maxItems": 3}}, "required": ["kind", "age"]})";
  for (const std::string sampling : {"--temp 0", "--temp 3 --top-k 0 --top-p 1 --min-p 0 --seed 5",
                                     "--temp 0.8 --top-k 1 --repeat-penalty 1.5 --seed 6"}) {
    Ran ran = whet("run -m " + kDraft + " -p 'Describe a pet.' -n 300 --samples 5 --json " +
                   sampling + " -j '" + schema + "'");
    ASSERT_EQ(ran.status, 0) << sampling;
    auto json = nlohmann::json::parse(ran.out);
    ASSERT_EQ(json["completions"].size(), 5u);
    for (const auto& completion : json["completions"]) {
      EXPECT_EQ(completion["finish_reason"], "stop") << completion;
      auto answer = nlohmann::json::parse(completion["text"].get<std::string>());
      EXPECT_TRUE(answer["kind"] == "cat" || answer["kind"] == "dog") << answer;
      EXPECT_GE(answer["age"], 3);
      EXPECT_LE(answer["age"], 17);
    }
  }
}

TEST(Form, GrammarsAndFilesWork) {
  const fs::path file = scratch("form.gbnf");
  std::ofstream(file) << "root ::= (\"left\" | \"right\") \"!\"{3}\n";
  Ran ran = whet("run -m " + kDraft + " -p 'Where?' --temp 2 --grammar-file " + file.string());
  EXPECT_EQ(ran.status, 0);
  EXPECT_TRUE(ran.out == "left!!!\n" || ran.out == "right!!!\n") << ran.out;
  std::ofstream(file)
      << R"({"type": "array", "items": {"const": 7}, "minItems": 2, "maxItems": 2})";
  ran = whet("run -m " + kDraft + " -p 'Seven?' --temp 2 -jf " + file.string());
  EXPECT_EQ(ran.status, 0);
  EXPECT_EQ(nlohmann::json::parse(ran.out), nlohmann::json::parse("[7, 7]"));
  ran = whet("run -m " + kDraft + " -p 'An object.' -n 4 --temp 1 --format json 2>&1");
  EXPECT_EQ(ran.out.find('{'), 0u) << ran.out;
}

TEST(Form, MistakesAreNamedBeforeAModelIsLoaded) {
  auto said = [](const std::string& arguments) {
    Ran ran = whet("run -m /nonexistent -p x " + arguments + " 2>&1");
    EXPECT_EQ(ran.status, 2) << ran.out;
    return ran.out;
  };
  auto expect = [&](const std::string& arguments, const std::string& part) {
    const std::string out = said(arguments);
    EXPECT_NE(out.find(part), std::string::npos) << out;
  };
  expect("--grammar 'root ::= root \"a\" | \"b\"'", "--grammar: left recursion: root -> root");
  expect("-j '{\"type\":\"array\",\"uniqueItems\":true}'",
         "--json-schema: JSON schema, #/uniqueItems: the keyword \"uniqueItems\" is not supported");
  expect("-j '{\"minItems\":2,\"maxItems\":1}'", "minItems 2 is above maxItems 1");
  expect("--format yaml", "--format: expected json, found yaml");
  expect("--format json --grammar 'root ::= \"a\"'", "only one of --grammar and --format");
}

TEST(Form, NothingLeftIsAnErrorAndNoToken) {
  Ran ran = whet("run -m " + kDraft + " -p x --ignore-eos --grammar 'root ::= \"\"' 2>&1");
  EXPECT_EQ(ran.status, 2);
  EXPECT_NE(ran.out.find("no token is left"), std::string::npos) << ran.out;
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

TEST(Quantize, NeverReplacesAFileOfItsInput) {
  const fs::path directory = scratch("input");
  fs::copy(kDraftDirectory, directory);
  const fs::path weights = directory / "model.safetensors";
  ASSERT_TRUE(fs::exists(weights));
  const fs::path link = scratch("input-link"), hard = scratch("input-hard");
  fs::create_symlink(weights, link);
  fs::create_hard_link(weights, hard);
  const auto size = fs::file_size(weights);
  for (const fs::path& input : {directory, weights}) {
    for (const fs::path& output : {weights, link, hard, directory / "config.json",
                                   directory / "tokenizer.json", directory / "." / "config.json"}) {
      const Ran ran = whet("quantize " + input.string() + " " + output.string() + " q8_0 2>&1");
      EXPECT_EQ(ran.status, 2) << output << ran.out;
      EXPECT_NE(ran.out.find("than those of the input"), std::string::npos) << ran.out;
    }
  }
  EXPECT_EQ(fs::file_size(weights), size);
  // A copy beside the input is no input, and may be written again.
  for (int i = 0; i < 2; ++i) {
    EXPECT_EQ(
        whet("quantize " + directory.string() + " " + (directory / "q.gguf").string() + " q8_0")
            .status,
        0);
  }
  EXPECT_EQ(whet("quantize --allow-requantize " + (directory / "q.gguf").string() + " " +
                 (directory / "q.gguf").string() + " q4_0 2>/dev/null")
                .status,
            2);
  for (const fs::path& path : {directory, link, hard}) fs::remove_all(path);
}

TEST(Quantize, KeepsLinksModesAndDevices) {
  const fs::path directory = scratch("kinds");
  fs::create_directory(directory);
  const std::string quantize = "quantize " + kDraftDirectory + " ";
  fs::create_symlink("target.gguf", directory / "link.gguf");
  EXPECT_EQ(whet(quantize + (directory / "link.gguf").string() + " q8_0").status, 0);
  EXPECT_TRUE(fs::is_symlink(directory / "link.gguf"));
  EXPECT_EQ(whet("verify " + (directory / "target.gguf").string()).status, 0);
  fs::create_symlink("/dev/full", directory / "full");
  const Ran full = whet(quantize + (directory / "full").string() + " q8_0 2>&1");
  EXPECT_EQ(full.status, 5);
  EXPECT_NE(full.out.find("No space left on device"), std::string::npos) << full.out;
  EXPECT_TRUE(fs::is_symlink(directory / "full"));
  fs::permissions(directory / "target.gguf", fs::perms(0640));
  EXPECT_EQ(whet(quantize + (directory / "link.gguf").string() + " q8_0", "umask 077;").status, 0);
  EXPECT_EQ(fs::status(directory / "target.gguf").permissions(), fs::perms(0640));
  fs::remove_all(directory);
}

TEST(Run, SaysSoWhereItsModelShrinks) {
  const fs::path model = scratch("shrinks.gguf");
  fs::copy_file(kDraft, model);
  FILE* pipe =
      ::popen((std::string(WHET_PROGRAM " run -p hi -n 1000000 -c 1000000 --ignore-eos -m ") +
               model.string() + " 2>&1")
                  .c_str(),
              "r");
  ASSERT_NE(std::fgetc(pipe), EOF);  // it runs
  fs::resize_file(model, 4096);
  std::string out;
  for (int c; (c = std::fgetc(pipe)) != EOF;) out += static_cast<char>(c);
  const int status = ::pclose(pipe);
  ASSERT_TRUE(WIFEXITED(status)) << "signal " << WTERMSIG(status);
  EXPECT_EQ(WEXITSTATUS(status), 3);
  EXPECT_NE(out.find("whet: error: " + model.string() + ": the file became shorter"),
            std::string::npos)
      << out.substr(out.size() > 500 ? out.size() - 500 : 0);
  EXPECT_NE(out.find("--no-mmap"), std::string::npos);
  fs::remove(model);
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

TEST(Verify, AcceptsTheShippedModelsAndFindsADamagedOne) {
  EXPECT_EQ(whet("verify " + kDraft).status, 0);
  EXPECT_EQ(whet("verify " + kDraftDirectory).status, 0);
  fs::path damaged = scratch("damaged.gguf");
  fs::copy_file(kDraft, damaged);
  std::fstream file(damaged, std::ios::in | std::ios::out | std::ios::binary);
  file.seekp(8);  // the tensor count
  file.write("\xff\xff\xff\xff\xff\xff\xff\x7f", 8);
  file.close();
  EXPECT_EQ(whet("verify " + damaged.string() + " 2>&1").status, 3);
  fs::resize_file(damaged, 1000);
  EXPECT_EQ(whet("show " + damaged.string() + " 2>&1").status, 3);
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

TEST(Synth, WritesModelsThatVerifyAndRun) {
  fs::path path = scratch("synth.gguf");
  std::string arguments =
      "synth --layers 2 --width 256 --heads 4 --kv-heads 2 --ffn 512 --vocabulary 700 -c 64 -o " +
      path.string() + " --type ";
  for (const char* type : {"f32", "f16", "bf16", "q8_0", "q4_0", "q4_1", "q5_0", "q5_1", "q4_k_s",
                           "q4_k_m", "q5_k_s", "q5_k_m", "q6_k"}) {
    Ran made = whet(arguments + type + " 2>/dev/null");
    ASSERT_EQ(made.status, 0) << type << made.out;
    Ran verified = whet("verify " + path.string() + " 2>&1");
    EXPECT_EQ(verified.status, 0) << type << verified.out;
  }
  EXPECT_EQ(whet("run -m " + path.string() + " --raw -p 'hello there' -n 4 --ignore-eos").status,
            0);
  EXPECT_EQ(whet(arguments + "q9_x 2>&1").status, 2);
  EXPECT_EQ(whet(arguments + "q8_0 --kv-heads 3 2>&1").status, 2);
  fs::remove(path);
}

TEST(Synth, WritesQwen2WithItsBiases) {
  const fs::path path = scratch("qwen2.gguf");
  ASSERT_EQ(whet("synth --like qwen2.5-0.5b --layers 1 --vocabulary 400 -c 64 --type q4_k_m -o " +
                 path.string() + " 2>/dev/null")
                .status,
            0);
  Ran shown = whet("show " + path.string() + " --json");
  EXPECT_EQ(nlohmann::json::parse(shown.out)["architecture"], "qwen2");
  EXPECT_EQ(whet("verify " + path.string()).status, 0);
  EXPECT_EQ(whet("run -m " + path.string() + " --raw -p abc -n 4").status, 0);
}

TEST(Synth, WritesPhi2InEveryType) {
  const fs::path path = scratch("phi2.gguf");
  const std::string arguments =
      "synth --like phi-2 --layers 1 --width 640 --heads 8 --kv-heads 8 --ffn 512 --vocabulary 400 "
      "-c 64 -o " +
      path.string() + " --type ";
  for (const char* type : {"f32", "f16", "bf16", "q8_0", "q4_0", "q4_1", "q5_0", "q5_1", "q4_k_s",
                           "q4_k_m", "q5_k_s", "q5_k_m", "q6_k"}) {
    ASSERT_EQ(whet(arguments + type + " 2>/dev/null").status, 0) << type;
    Ran verified = whet("verify " + path.string() + " 2>&1");
    EXPECT_EQ(verified.status, 0) << type << verified.out;
  }
  EXPECT_EQ(nlohmann::json::parse(whet("show " + path.string() + " --json").out)["architecture"],
            "phi2");
  const std::string run = "run -m " + path.string() + " --raw -p 'hello there' -n 4 --ignore-eos ";
  EXPECT_EQ(whet(run).status, 0);
  Ran refused = whet(run + "--cache-type-k q8_0 --cache-type-v q8_0 2>&1");
  EXPECT_EQ(refused.status, 2);
  EXPECT_NE(refused.out.find("q8_0 for heads that 32 divides"), std::string::npos) << refused.out;
  EXPECT_EQ(whet(arguments + "q8_0 --tied-head 2>&1").status, 2);
  fs::remove(path);
}

TEST(Quantize, WritesWhatRunsAndSaysWhatWasLost) {
  const fs::path path = scratch("quantised.gguf");
  Ran ran = whet("quantize " + kDraftDirectory + " " + path.string() + " Q4_0 --json 2>/dev/null");
  ASSERT_EQ(ran.status, 0);
  const auto json = nlohmann::json::parse(ran.out);
  EXPECT_EQ(json["tensors"][0]["name"], "token_embd.weight");
  for (const auto& tensor : json["tensors"]) EXPECT_LT(tensor["relative_error"].get<double>(), 0.1);
  EXPECT_EQ(whet("verify " + path.string()).status, 0);
  EXPECT_EQ(whet("tokenize -m " + path.string() + " -p 'na\xc3\xafve 12+3' --ids").out,
            whet("tokenize -m " + kDraftDirectory + " -p 'na\xc3\xafve 12+3' --ids").out);
}

TEST(Quantize, RefusesWithoutTouchingWhatIsThere) {
  const fs::path path = scratch("kept.gguf");
  std::ofstream(path) << "kept";
  for (const auto& [arguments, said] :
       {std::pair{kDraft + " " + path.string() + " q4_0", "--allow-requantize"},
        std::pair{kDraftDirectory + " " + path.string() + " q9_z", "q4_k_m"},
        std::pair{kDraft + " " + kDraft + " q8_0", "another file"}}) {
    Ran ran = whet("quantize " + arguments + " 2>&1");
    EXPECT_EQ(ran.status, 2) << ran.out;
    EXPECT_NE(ran.out.find(said), std::string::npos) << ran.out;
  }
  std::string content;
  std::ifstream(path) >> content;
  EXPECT_EQ(content, "kept");
}

TEST(Cache, EveryTypeAnswersAndOthersAreRefused) {
  const std::string arguments = "run -m " + kDraft + " -p 'What is 12 + 34?' -n 24 --temp 0 ";
  const std::string f32 = whet(arguments + "--cache-type-k f32 --cache-type-v f32").out;
  EXPECT_GT(f32.size(), 3u);
  for (const char* type : {"f16", "bf16", "q8_0"}) {
    Ran ran = whet(arguments + "--cache-type-k " + type + std::string(" --cache-type-v ") + type);
    EXPECT_EQ(ran.status, 0) << type;
    EXPECT_GT(ran.out.size(), 3u) << type;
  }
  Ran mixed = whet(arguments + "--cache-type-k q8_0 2>&1");
  EXPECT_EQ(mixed.status, 2);
  EXPECT_NE(mixed.out.find("--cache-type-v"), std::string::npos);
  EXPECT_EQ(whet(arguments + "--cache-type-k q4_9 --cache-type-v q4_9 2>&1").status, 2);
}

TEST(Run, AnswersByAStrategy) {
  const std::string arguments = "run -m " + kDraft + " -p 'What is 3 * 4?' -n 40 -s 1 ";
  const Ran ran = whet(arguments + "--strategy 're2&majority-voting:n=3' --json");
  ASSERT_EQ(ran.status, 0) << ran.out;
  const auto json = nlohmann::json::parse(ran.out);
  EXPECT_EQ(json["strategy"], "re2&majority-voting:n=3");
  EXPECT_FALSE(json["text"].get<std::string>().empty());
  EXPECT_GE(json["candidates"].size(), 3u);
  int64_t n = 0;
  for (const auto& candidate : json["candidates"]) n += candidate["tokens"].get<int64_t>();
  EXPECT_EQ(json["usage"]["completion_tokens"], n);
  const Ran plain = whet(arguments + "--strategy baseline 2>/dev/null");
  EXPECT_EQ(plain.out, whet(arguments + "2>/dev/null").out) << "the same draw";
  EXPECT_EQ(whet(arguments + "--strategy nonsense 2>&1").status, 2);
  EXPECT_EQ(whet(arguments + "--strategy re2 --samples 2 2>&1").status, 2);
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

}  // namespace
