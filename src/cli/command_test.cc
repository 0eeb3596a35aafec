#include "cli/command.h"

#include <gtest/gtest.h>

#include "cli/command_help.h"
#include "cli/nearest_name.h"

namespace whet {
namespace {

using Words = std::vector<std::string>;

/// A command with one flag of each kind, and what was read.
struct Fixture {
  std::string model, list = "0", mode, output;
  std::vector<std::string> words, pairs;
  std::optional<std::string> prompt;
  int64_t predict = -1;
  int threads = 0;
  uint64_t seed = 0, size = 1;
  Words level, biases;
  double temperature = 0.8;
  bool verbose = false;
  Command command{"try", "For the tests"};

  Fixture() {
    command.add("MODEL,-m,--model", &model, "model").required();
    command.add("WORD", &words, "words");
    command.add("-p,--prompt", &prompt, "prompt");
    command.add("-pg,--pairs", &pairs, "pairs").value_name("P,N");
    command.add("-n,--predict", &predict, "tokens").at_least(-1);
    command.add("-t,--threads", &threads, "threads").between(0, 8);
    command.add("-s,--seed", &seed, "seed");
    command.add("--size", &size, "size").between(1, 1000);
    command.add("--level", keep(level), "level");
    command.add("--bias", keep(biases), "biases").repeated();
    command.add("-d,--depth", &list, "list").joined();
    command.add("--temp,--temperature", &temperature, "temperature");
    command.add("--mode", &mode, "mode").one_of({"auto", "on"}).alone("on").value_name("MODE");
    command.add("-v,--verbose", &verbose, "more words");
    command.add("-o,--output", &output, "file").value_name("FILE");
  }
  static ValueReader keep(Words& texts) {
    return [&texts](const std::string& text) {
      texts.push_back(text);
      return ok_status();
    };
  }
  std::string error(const Words& arguments) {
    auto parsed = command.parse(arguments);
    return parsed.ok() ? "" : parsed.error().message();
  }
};

TEST(CommandTest, OnlyATextMayBeEmpty) {
  EXPECT_EQ(Fixture().error({"m", "-p", ""}), "");
  EXPECT_EQ(Fixture().error({""}), "MODEL: expected at least one character, found \"\"");
  EXPECT_EQ(Fixture().error({"-m", ""}), "-m: expected at least one character, found \"\"");
  EXPECT_EQ(Fixture().error({"--model="}), "--model: expected at least one character, found \"\"");
  EXPECT_EQ(Fixture().error({"m", "-o", ""}), "-o: expected at least one character, found \"\"");
}

TEST(CommandTest, ReadsEveryFormOfAFlag) {
  Fixture f;
  EXPECT_EQ(f.error({"-n5",
                     "--threads=3",
                     "-p",
                     "-m",
                     "-m",
                     "x.gguf",
                     "--temperature",
                     "0.25",
                     "-v",
                     "-s",
                     "18446744073709551615",
                     "-d",
                     "1,2",
                     "-d",
                     "3",
                     "--bias",
                     "1",
                     "--bias",
                     "2",
                     "--size",
                     "1000",
                     "a",
                     "b",
                     "--",
                     "-c"}),
            "");
  EXPECT_EQ(f.predict, 5);
  EXPECT_EQ(f.threads, 3);
  EXPECT_EQ(f.prompt, "-m") << "what stands where a value is due is the value";
  EXPECT_EQ(f.model, "x.gguf");
  EXPECT_EQ(f.temperature, 0.25);
  EXPECT_TRUE(f.verbose);
  EXPECT_EQ(f.seed, UINT64_MAX);
  EXPECT_EQ(f.list, "1,2,3");
  EXPECT_EQ(f.biases, (Words{"1", "2"}));
  EXPECT_EQ(f.size, 1000u);
  EXPECT_EQ(f.words, (Words{"a", "b", "-c"}));
}

TEST(CommandTest, AFlagWithAMeaningAloneTakesItsChoicesOnly) {
  const auto read = [](const Words& arguments) {
    Fixture f;
    EXPECT_EQ(f.error(arguments), "");
    return f.mode + " " + f.model;
  };
  EXPECT_EQ(read({"--mode", "x"}), "on x");
  EXPECT_EQ(read({"x", "--mode"}), "on x");
  EXPECT_EQ(read({"--mode", "auto", "x"}), "auto x");
  EXPECT_EQ(read({"--mode=auto", "x"}), "auto x");
  EXPECT_EQ(read({"--mode", "-v", "x"}), "on x");
  EXPECT_NE(Fixture().error({"--mode=other", "x"}).find("expected one of auto, on"),
            std::string::npos);
}

TEST(CommandTest, OperandsFillWhatNoFlagGave) {
  Fixture f;
  EXPECT_EQ(f.error({"x.gguf", "why?"}), "");
  EXPECT_EQ(f.model, "x.gguf");
  EXPECT_EQ(f.words, Words{"why?"});
  EXPECT_EQ(Fixture().error({"why?"}), "") << "the model";
  EXPECT_NE(Fixture().error({}).find("found no MODEL (or -m MODEL)"), std::string::npos);
}

TEST(CommandTest, NeverSplitsAFlagOfSeveralLetters) {
  for (const char* flag : {"-nn", "-tx", "-n-5", "-pq", "-vn"}) {
    Fixture f;
    EXPECT_NE(f.error({flag, "9", "x"}).find(std::string(flag) + " is not a flag of whet try"),
              std::string::npos)
        << flag;
    EXPECT_EQ(f.predict, -1);
    EXPECT_EQ(f.prompt, std::nullopt);
  }
  Fixture f;
  EXPECT_EQ(f.error({"-pg", "8,4", "-pg", "1,2", "x"}), "");
  EXPECT_EQ(f.pairs, (Words{"8,4", "1,2"}));
}

TEST(CommandTest, AnswersFlagsOfLlamaCppByName) {
  Fixture f;
  auto parsed = f.command.parse({"-ngl", "99", "-fa", "1", "x"});
  ASSERT_TRUE(parsed.ok());
  ASSERT_EQ(parsed->notes.size(), 2u);
  EXPECT_EQ(parsed->notes[0].find("-ngl: no GPU"), 0u) << parsed->notes[0];
  EXPECT_EQ(f.model, "x");
  for (const char* flag : {"-hf", "-cnv", "-md", "-tb", "-ub", "-mmp", "--mirostat", "--lora"})
    EXPECT_EQ(Fixture().error({flag, "1"}).find(std::string(flag) + ": "), 0u) << flag;
}

TEST(CommandTest, NamesTheFirstWrongArgumentAndTheNearestFlag) {
  EXPECT_NE(Fixture().error({"--tmep", "0", "--wrong"}).find("did you mean --temp?"),
            std::string::npos);
  EXPECT_EQ(Fixture().error({"--xyzzy", "0"}).find("--xyzzy is not a flag"), 0u);
  EXPECT_EQ(Fixture().error({"--xyzzy"}).find("did you mean"), std::string::npos);
}

TEST(CommandTest, RefusesValuesOutOfRangeAndOfAnotherKind) {
  for (const auto& [arguments, said] : std::vector<std::pair<Words, std::string>>{
           {{"-n", "-2"}, "-n: expected a whole number, -1 or more, found \"-2\""},
           {{"-n", "5x"}, "found \"5x\""},
           {{"-n", "99999999999999999999"}, "-n: expected"},
           {{"-t", "9"}, "-t: expected a whole number from 0 to 8, found \"9\""},
           {{"-t", "-1"}, "from 0 to 8"},
           {{"-s", "-2"}, "-s: expected a whole number"},
           {{"-s", "18446744073709551616"}, "-s: expected a whole number"},
           {{"--temp", "nan"}, "--temp: expected a number, found \"nan\""},
           {{"--temp", "inf"}, "found \"inf\""},
           {{"--temp", ""}, "found \"\""},
           {{"-n"}, "-n: expected a value, found the end"},
           {{"-n", "1", "--predict", "2"}, "--predict: expected once"},
           {{"--level", "a", "--level", "b"}, "--level: expected once"},
           {{"--size", "0"}, "--size: expected a whole number from 1 to 1000"},
           {{"--size", "18446744073709551615"}, "--size: expected a whole number from 1 to 1000"},
           {{"--verbose=yes"}, "is not a flag"}}) {
    const std::string error = Fixture().error(arguments);
    EXPECT_NE(error.find(said), std::string::npos) << error << " lacks " << said;
  }
}

TEST(CommandTest, HelpIsNeitherAnErrorNorHiddenByAMissingModel) {
  Fixture f;
  auto parsed = f.command.parse({"-n", "3", "--help", "--nonsense"});
  ASSERT_TRUE(parsed.ok());
  EXPECT_TRUE(parsed->help);
}

TEST(CommandTest, HelpNamesEveryFlagOnceWithinTheColumns) {
  Fixture f;
  f.command.add("--long", &f.verbose, std::string(20, 'x') + " " + std::string(30, 'y') + " end");
  const std::string help = help_text(f.command, 60);
  for (const char* text : {"usage: whet try MODEL [WORD...] [flags]", "MODEL, -m, --model",
                           "-pg, --pairs P,N", "tokens [-1]", "temperature [0.8]"}) {
    const size_t at = help.find(text);
    ASSERT_NE(at, std::string::npos) << text << "\n" << help;
    EXPECT_EQ(help.find(text, at + 1), std::string::npos) << text;
  }
  for (size_t begin = 0, end; (end = help.find('\n', begin)) != std::string::npos; begin = end + 1)
    EXPECT_LE(end - begin, 64u) << help.substr(begin, end - begin);
}

TEST(NearestNameTest, CountsSwappedLettersOnceAndKeepsItsDistance) {
  const Words commands{"run", "eval", "bench", "perplexity"};
  EXPECT_EQ(nearest_name("rnu", commands), "run");
  EXPECT_EQ(nearest_name("perplexty", commands), "perplexity");
  EXPECT_EQ(nearest_name("xyz", commands), std::nullopt);
  EXPECT_EQ(nearest_name(std::string(1000, 'a'), commands), std::nullopt);
}

}  // namespace
}  // namespace whet
