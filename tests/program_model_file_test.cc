// The commands that look at model files and write them: show, verify, quantize, synth.
#include "program.h"

#include <fstream>
#include <nlohmann/json.hpp>

namespace {

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

}  // namespace
