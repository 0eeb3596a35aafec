// Files and texts that someone made on purpose: damaged vocabularies must be refused or used, never
// crash; long texts of one kind must cost about linear time.
#include <gtest/gtest.h>

#include <ctime>
#include <nlohmann/json.hpp>

#include "token/random_text_for_test.h"
#include "token/tokenizer_json.h"
#include "token/tokenizers_for_test.h"

namespace whet {
namespace {

using nlohmann::json;
using token_test::RandomText;

// Uses a tokenizer for everything that could read beyond its tables.
void exercise(const Tokenizer& tokenizer, RandomText& random) {
  for (const std::string& text :
       {random.utf8(20), random.bytes(20), std::string("<s> the 12 [TAG]")}) {
    auto ids = tokenizer.encode(text, {});
    if (!ids.ok()) continue;
    for (TokenId id : *ids) {
      ASSERT_GE(id, 0);
      ASSERT_LT(id, tokenizer.vocab_size());
    }
    tokenizer.decode(*ids, true, true);
  }
  for (TokenId id = 0; id < tokenizer.vocab_size(); id += 37) tokenizer.token_bytes(id, true);
}

void open_and_exercise(const char* file_name, std::string bytes, RandomText& random,
                       int& n_opened) {
  ModelFile file;
  file.container = ModelFile::Container::kSafeTensors;
  file.side_files[file_name] = std::move(bytes);
  auto tokenizer = make_tokenizer(file);
  if (!tokenizer.ok()) {
    EXPECT_FALSE(tokenizer.error().message().empty());
    return;
  }
  ++n_opened;
  exercise(**tokenizer, random);
}

std::string damage(std::string bytes, RandomText& random) {
  for (uint64_t n = 1 + random.below(4); n > 0; --n) {
    const size_t at = random.below(bytes.size());
    switch (random.below(5)) {
      case 0:
        bytes[at] = static_cast<char>(random.below(256));
        break;
      case 1:
        bytes[at] = static_cast<char>(bytes[at] ^ (1 << random.below(8)));
        break;
      case 2:
        bytes.erase(at, 1 + random.below(16));
        break;
      case 3:
        bytes.insert(at, bytes.substr(random.below(bytes.size()), random.below(16)));
        break;
      default:
        if (random.below(8) == 0) bytes.resize(at);
        break;
    }
    if (bytes.empty()) bytes = "x";
  }
  return bytes;
}

TEST(HostileInput, DamagedSentencePieceModelsAreRefusedOrUsed) {
  RandomText random(21);
  for (const char* name : {"tok_sentencepiece", "tok_sentencepiece_strict"}) {
    const std::string bytes =
        token_test::read_file(token_test::golden_directory(name) + "/tokenizer.model");
    int n_opened = 0;
    for (int i = 0; i < 1500; ++i) {
      // Mostly the specifications at the end, where the structure is dense.
      std::string damaged = bytes;
      if (i % 2 == 0) {
        const size_t tail = 400;
        damaged = bytes.substr(0, bytes.size() - tail) +
                  damage(bytes.substr(bytes.size() - tail), random);
      } else {
        damaged = damage(bytes, random);
      }
      open_and_exercise("tokenizer.model", std::move(damaged), random, n_opened);
    }
    EXPECT_GT(n_opened, 50) << name;  // the damage must not be so plain that nothing is exercised
  }
}

TEST(HostileInput, DamagedTokenizerJsonBytesAreRefusedOrUsed) {
  RandomText random(22);
  for (const char* name : {"tok_pattern", "tok_llama"}) {
    const std::string bytes =
        token_test::read_file(token_test::golden_directory(name) + "/tokenizer.json");
    int n_opened = 0;
    for (int i = 0; i < 400; ++i) {
      open_and_exercise("tokenizer.json", damage(bytes, random), random, n_opened);
    }
    EXPECT_GT(n_opened, 5) << name;
  }
}

json odd_value(RandomText& random) {
  const json values[] = {nullptr,
                         true,
                         -1,
                         1e300,
                         4294967296,
                         18446744073709551615u,
                         0,
                         "",
                         "a b",
                         "<0x-1>",
                         "\\",
                         "(a+)+$",
                         json::array(),
                         json::array({1, 2}),
                         json::object(),
                         {{"type", "Sequence"}},
                         {{"Regex", "(?=x)*"}},
                         "BPE"};
  return values[random.below(std::size(values))];
}

// Walks to a random place and puts something else there, or removes it.
void damage_node(json& node, RandomText& random, int depth) {
  if (!node.is_structured() || node.empty() || (depth > 1 && random.below(4) == 0)) {
    node = odd_value(random);
    return;
  }
  auto it = node.begin();
  std::advance(it, static_cast<std::ptrdiff_t>(random.below(node.size())));
  if (random.below(12) == 0) {
    node.erase(it);
  } else {
    damage_node(*it, random, depth + 1);
  }
}

TEST(HostileInput, DamagedTokenizerJsonStructuresAreRefusedOrUsed) {
  RandomText random(23);
  for (const char* name : {"tok_pattern", "tok_digits", "tok_llama", "tok_llama_legacy"}) {
    const json whole =
        json::parse(token_test::read_file(token_test::golden_directory(name) + "/tokenizer.json"));
    int n_opened = 0;
    for (int i = 0; i < 300; ++i) {
      json damaged = whole;
      // The vocabulary is most of the file; the rest has most of the meaning.
      for (uint64_t n = 1 + random.below(2); n > 0; --n) {
        const char* const sections[] = {"normalizer", "pre_tokenizer", "post_processor",
                                        "decoder",    "added_tokens",  "model"};
        damage_node(damaged[sections[random.below(6)]], random, 0);
      }
      open_and_exercise("tokenizer.json", damaged.dump(), random, n_opened);
    }
    EXPECT_GT(n_opened, 20) << name;
  }
}

TEST(HostileInput, JsonIsBoundedBeforeItIsParsed) {
  const auto error_of = [](const std::string& text) {
    auto tokenizer = make_json_tokenizer(text, {});
    return tokenizer.ok() ? "" : tokenizer.error().message();
  };
  EXPECT_NE(error_of(std::string(200'000, '[')).find("nested"), std::string::npos);
  EXPECT_NE(error_of("{\"a\": \"" + std::string(65, '[') + "\"}").find("\"model\""),
            std::string::npos);  // brackets in a string do not count
  for (const char* text : {"", "null", "[]", "{", "{\"model\": 1}", "\xFF", "{}"}) {
    EXPECT_NE(error_of(text), "") << text;
  }
  // A vocabulary with one token at a far id would need gigabytes.
  EXPECT_NE(error_of(R"({"model":{"vocab":{"a":999999999},"merges":[]}})").find("out of range"),
            std::string::npos);
}

// CPU time, since the machine may be busy with other things.
double cpu_seconds() {
  return static_cast<double>(std::clock()) / CLOCKS_PER_SEC;
}

TEST(HostileInput, LongTextsOfOneKindCostLinearTime) {
  const size_t n = size_t{1} << 20;
  RandomText random(24);
  std::string letters;
  std::string mixed_case;
  std::string bytes;
  for (size_t i = 0; i < n; ++i) {
    letters.push_back(static_cast<char>('a' + random.below(26)));
    mixed_case.push_back(static_cast<char>((random.below(2) != 0 ? 'a' : 'A') + random.below(26)));
    bytes.push_back(static_cast<char>(random.below(256)));
  }
  std::string marks;
  std::string cjk;
  while (marks.size() < n) marks += "\u0301";
  while (cjk.size() < n) cjk += "\u6C34";
  const std::vector<std::pair<const char*, std::string>> texts = {
      {"one letter", std::string(n, 'a')},
      {"letters", letters},
      {"mixed case", mixed_case},
      {"capitals", std::string(n, 'A')},
      {"spaces", std::string(n, ' ')},
      {"spaces before a word", std::string(n, ' ') + "x"},
      {"newlines", std::string(n, '\n')},
      {"digits", std::string(n, '7')},
      {"punctuation", std::string(n, '!')},
      {"marks", marks},
      {"CJK", cjk},
      {"bytes", bytes},
      {"almost special", [&] {
         std::string text;
         while (text.size() < n) text += "<|im_";
         return text;
       }()}};
  for (const char* name : {"gpt-2", "llama-bpe", "deepseek-llm", "llama-spm"}) {
    if (!std::filesystem::exists(token_test::recorded_path(name))) {
      GTEST_SKIP() << "no recorded vocabulary " << name;
    }
    auto tokenizer = token_test::open_recorded(name);
    ASSERT_TRUE(tokenizer.ok()) << tokenizer.error().message();
    for (const auto& [kind, text] : texts) {
      const double start = cpu_seconds();
      auto ids = (*tokenizer)->encode(text, {});
      const double seconds = cpu_seconds() - start;
      ASSERT_TRUE(ids.ok()) << name << ", " << kind << ": " << ids.error().message();
      // Quadratic time would be hours; with sanitizers linear time stays well below this.
      EXPECT_LT(seconds, 15) << name << ", " << kind;
      if (std::getenv("WHET_SHOW_TIMES") != nullptr) {
        std::printf("%-14s %-22s %6.3f s %8zu tokens\n", name, kind, seconds, ids->size());
      }
    }
  }
}

}  // namespace
}  // namespace whet
