// whet run: prompts, forms, caches and strategies, the same answer however it is computed.
#include "program.h"

#include <fstream>
#include <nlohmann/json.hpp>

namespace {

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

TEST(Run, ASparsePassOfTheModelItselfProposesAndTheTextStays) {
  const std::string run = "run " + kDraft + " -p 'What is 12 + 34?' -n 60 --temp 0 -t 1 --json ";
  const auto spoken = [&](const std::string& flags) {
    const Ran ran = whet(run + flags + " 2>/dev/null");
    EXPECT_EQ(ran.status, 0) << flags;
    return nlohmann::json::parse(ran.out);
  };
  const auto alone = spoken("--spec-type none");
  const std::string draft = "--spec-type draft --spec-fixed -md " + kDraft;
  const auto dense = spoken(draft), sparse = spoken(draft + " --spec-draft-sparsity 0.6");
  EXPECT_EQ(dense["texts"], alone["texts"]);
  EXPECT_EQ(sparse["texts"], alone["texts"]);
  const auto rate = [](const nlohmann::json& ran) {
    return ran["speculation"]["draft_n_accepted"].get<double>() /
           ran["speculation"]["draft_n"].get<double>();
  };
  EXPECT_LT(rate(sparse), rate(dense));  // it is another model that proposes
  EXPECT_GT(rate(sparse), 0);
  const Ran nobody = whet(run + "--spec-draft-sparsity 0.6 2>&1");
  EXPECT_EQ(nobody.status, 2);
  EXPECT_NE(nobody.out.find("expected -md too"), std::string::npos) << nobody.out;
}

}  // namespace
