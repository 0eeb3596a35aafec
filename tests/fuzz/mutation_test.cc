// The fuzz targets on mutated known inputs: a fixed, short run of what libFuzzer does for hours.
#include <gtest/gtest.h>

#include <cstring>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "base/rng.h"
#include "quantize/importance_matrix.h"
#include "targets.h"

namespace whet::fuzz {
namespace {

std::vector<std::string> lines_of_file(const std::string& path) {
  std::ifstream file(std::string(WHET_SOURCE_DIR) + "/" + path);
  std::vector<std::string> lines;
  for (std::string line; std::getline(file, line);) lines.push_back(line);
  return lines;
}

std::vector<std::string> replies() {
  std::vector<std::string> texts;
  for (const std::string& line : lines_of_file("tests/golden/labelled_replies.jsonl")) {
    texts.push_back(nlohmann::json::parse(line).at("reply"));
  }
  return texts;
}

class Mutator {
 public:
  explicit Mutator(std::vector<std::string> seeds) : seeds_(std::move(seeds)) {}

  /// A seed with up to eight bytes or pieces changed, removed, doubled, or taken from another seed.
  std::string next() {
    std::string text = seeds_[below(seeds_.size())];
    for (uint64_t n = below(8) + 1; n > 0; --n) change(text);
    return text;
  }
  uint64_t below(uint64_t bound) { return splitmix64(++state_) % bound; }

 private:
  void change(std::string& text) {
    const size_t at = below(text.size() + 1);
    const size_t length = std::min<size_t>(below(16), text.size() - at);
    switch (below(6)) {
      case 0:
        text.insert(at, 1, static_cast<char>(below(256)));
        break;
      case 1:
        if (at < text.size()) text[at] = static_cast<char>(below(256));
        break;
      case 2:
        text.erase(at, length);
        break;
      case 3:
        text.insert(at, text.substr(at, length));
        break;
      case 4: {
        const std::string& other = seeds_[below(seeds_.size())];
        const size_t from = below(other.size() + 1);
        text.insert(at, other.substr(from, below(32)));
        break;
      }
      default: {
        static constexpr std::string_view kPieces[] = {
            "```", "\n", "Answer: ", "\\boxed{", "}", "####",   "<think>", "</think>", ",", ".",
            "/",   "=",  "-",        "^",        "{", "\"\"\"", "'",       "\\frac",   "(", "\xe2"};
        text.insert(at, kPieces[below(std::size(kPieces))]);
      }
    }
  }

  std::vector<std::string> seeds_;
  uint64_t state_ = 20261128;
};

TEST(Fuzz, GradesMutatedReplies) {
  Mutator mutator(replies());
  for (int i = 0; i < 10'000; ++i) {
    const std::string reply = mutator.next();
    for (char choice = 0; choice < 8; ++choice) grade_reply(std::string(1, choice) + reply);
  }
}

// Every short value behind every mark: where the abort of "Answer: 3,5" was.
TEST(Fuzz, GradesEveryShortValue) {
  constexpr std::string_view kAlphabet = "015.,/-= {}";
  for (std::string_view mark : {"Answer: ", "#### ", "\\boxed{", ""}) {
    for (size_t length = 0; length <= 4; ++length) {
      size_t n = 1;
      for (size_t i = 0; i < length; ++i) n *= kAlphabet.size();
      for (size_t code = 0; code < n; ++code) {
        std::string value;
        for (size_t rest = code, i = 0; i < length; ++i, rest /= kAlphabet.size()) {
          value.push_back(kAlphabet[rest % kAlphabet.size()]);
        }
        const std::string reply = std::string(mark) + value + (mark.starts_with('\\') ? "}" : "");
        grade_reply(std::string(1, '\0') + reply);
        grade_reply(std::string(1, '\2') + reply);
      }
    }
  }
}

// Work must not grow with the square of a reply: ctest's time limit is the test.
TEST(Fuzz, GradesLongRepetitiveReplies) {
  constexpr size_t kBytes = 64 << 10;
  for (std::string_view piece : {"answer ",     "answer is ", "Answer: 5 or ",
                                 "\\boxed{",    "\\frac{1",   "```\n",
                                 "~~~",         "f(",         "int f(",
                                 "def f(x):\n", "<think>",    "</think>",
                                 "<answer>",    "Q: ",        "Q:\n",
                                 "\"\"\"\n",    "1,",         "1 ",
                                 "1=",          "1 is ",      "(",
                                 "{",           "- ",         "#### ",
                                 "\xc2\xbd",    "a\\text{",   "minus ",
                                 "\\"}) {
    std::string text;
    while (text.size() < kBytes) text += piece;
    for (char choice = 0; choice < 8; ++choice) grade_reply(std::string(1, choice) + text);
    read_task_file(text);
  }
}

TEST(Fuzz, ReadsMutatedTaskFiles) {
  std::vector<std::string> seeds = lines_of_file("tests/golden/task_lines.jsonl");
  ASSERT_FALSE(seeds.empty());
  Mutator mutator(std::move(seeds));
  for (int i = 0; i < 10'000; ++i) {
    std::string content = mutator.next();
    if (mutator.below(4) == 0) content += "\n" + mutator.next();
    read_task_file(content);
  }
}

std::string content_of(const std::string& path) {
  std::ifstream file(std::string(WHET_SOURCE_DIR) + "/" + path, std::ios::binary);
  EXPECT_TRUE(file) << path;
  return {std::istreambuf_iterator<char>(file), {}};
}

TEST(Fuzz, ReadsMutatedModels) {
  // Mutations fall where the structure is: containers are cut behind their head, some in it.
  const std::string gguf = content_of("tests/golden/tied.gguf");
  const std::string tensors = content_of("tests/golden/tied/model.safetensors");
  const std::string config = content_of("tests/golden/tied/config.json") + std::string(1, '\0');
  Mutator ggufs({gguf.substr(0, 3000), gguf});
  Mutator safetensors({config + tensors.substr(0, 3000), config + tensors});
  for (int i = 0; i < 1000; ++i) {
    open_gguf(ggufs.next());
    open_safetensors(safetensors.next());
  }
  Mutator indices({R"({"metadata": {"total_size": 10}, "weight_map": {"a": "m-1.safetensors"}})"});
  for (int i = 0; i < 5000; ++i) read_shard_index(indices.next());
}

TEST(Fuzz, ReadsMutatedTokenizers) {
  Mutator json({content_of("tests/golden/tok_digits/tokenizer.json"),
                content_of("tests/golden/tok_unigram/tokenizer.json")});
  Mutator pieces({content_of("tests/golden/tok_sentencepiece/tokenizer.model")});
  for (int i = 0; i < 300; ++i) {
    read_tokenizer_json(json.next());
    read_sentencepiece(pieces.next());
  }
}

TEST(Fuzz, ReadsMutatedImportanceMatrices) {
  const auto bytes_of = [](auto value) {
    std::string bytes(sizeof(value), '\0');
    std::memcpy(bytes.data(), &value, sizeof(value));
    return bytes;
  };
  const std::string old = bytes_of(1) + bytes_of(8) + "a.weight" + bytes_of(2) + bytes_of(2) +
                          bytes_of(6.0f) + bytes_of(2.0f) + bytes_of(7) + bytes_of(4) + "text";
  ImportanceMatrix matrix;
  matrix.tensors["a.weight"] = {{6, 2}, {2}};
  matrix.tensors["b.weight"] = {{1, 2, 3, 4}, {3, 0}};
  const std::string path = testing::TempDir() + "whet_fuzz_imatrix.gguf";
  ASSERT_TRUE(write_importance_matrix(matrix, path).ok());
  std::ifstream file(path, std::ios::binary);
  Mutator mutator({old, std::string(std::istreambuf_iterator<char>(file), {})});
  std::filesystem::remove(path);
  for (int i = 0; i < 20'000; ++i) read_importance_matrix(mutator.next());
}

TEST(Fuzz, RendersMutatedTemplates) {
  std::vector<std::string> sources;
  const auto golden = nlohmann::json::parse(content_of("tests/golden/templates.json"));
  for (const auto& part : {"cases", "random"}) {
    for (const auto& one : golden.at(part)) sources.push_back(one.at("source"));
  }
  sources.push_back("{% for m in messages %}{{ m['role'] + ': ' + m.content | trim }}{% endfor %}");
  sources.push_back("{%- macro f(x) -%}{{ x[::-1] }}{%- endmacro -%}{{ f(messages[0].content) }}");
  Mutator mutator(std::move(sources));
  for (int i = 0; i < 2000; ++i) render_template(mutator.next());
}

}  // namespace
}  // namespace whet::fuzz
