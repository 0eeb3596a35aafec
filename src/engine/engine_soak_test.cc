// Random requests, cancels, evictions and restarts: nothing dies, leaks or answers otherwise than
// in quiet. Runs for a few seconds; WHET_SOAK_SECONDS=600 makes it the long one.
#include <gtest/gtest.h>

#include <unistd.h>

#include <atomic>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <random>
#include <thread>

#include "base/clock.h"
#include "engine/engine.h"

namespace whet {
namespace {

constexpr size_t kAskers = 6;
constexpr size_t kTexts = 12;

std::unique_ptr<Engine> engine(const EngineOptions& options) {
  auto loaded = load_model(WHET_SOURCE_DIR "/models/whetstone-draft-q8_0.gguf");
  if (!loaded.ok()) ADD_FAILURE() << loaded.error().message();
  auto created = Engine::create(std::move(*loaded), options);
  if (!created.ok()) ADD_FAILURE() << created.error().message();
  return std::move(*created);
}

/// Texts that share beginnings of several lengths, one of them longer than two blocks.
GenerateRequest request(size_t text) {
  std::string content = "Tell me about numbers.";
  for (size_t i = 0; i < text % 4 * 40; ++i) content += " " + std::to_string(i * 37 % 101);
  content += " And " + std::to_string(text) + "?";
  Conversation conversation;
  conversation.messages.push_back({.role = "user", .content = content});
  GenerateRequest r;
  r.prompt = conversation;
  r.max_tokens = 8 + static_cast<int64_t>(text % 5) * 9;
  r.samples.resize(1 + text % 3);
  for (size_t k = 0; k < r.samples.size(); ++k) {
    r.samples[k].seed = 100 * text + k;
    r.samples[k].temperature = text % 2 == 0 ? 0.9 : 0.0;
  }
  return r;
}

std::vector<std::vector<int32_t>> tokens_of(const GenerateResult& result) {
  std::vector<std::vector<int32_t>> tokens;
  for (const Completion& c : result.completions) tokens.push_back(c.tokens);
  return tokens;
}

int64_t open_descriptors() {
  int64_t n = 0;
  for (const auto& entry : std::filesystem::directory_iterator("/proc/self/fd")) {
    (void)entry;
    ++n;
  }
  return n;
}

int64_t resident_bytes() {
  int64_t all = 0, resident = 0;
  std::ifstream("/proc/self/statm") >> all >> resident;
  return resident * ::sysconf(_SC_PAGESIZE);
}

using Answers = std::map<size_t, std::vector<std::vector<int32_t>>>;

/// One asker's requests until `end_ns`. Counts what it did.
void ask(Engine& e, const Answers& quiet, uint64_t seed, int64_t end_ns,
         std::atomic<int64_t>& n_whole, std::atomic<int64_t>& n_cut) {
  std::mt19937_64 random(seed);
  while (monotonic_ns() < end_ns) {
    const size_t text = random() % kTexts;
    GenerateRequest r = request(text);
    r.cache_scope = random() % 4 == 0 ? "other" : "";
    switch (random() % 8) {
      case 0: {  // the reader goes away
        uint64_t left = 1 + random() % 6;
        const auto result = e.generate(r, [&](const GenerateEvent&) {
          return --left == 0 ? Continue::kEndRequest : Continue::kYes;
        });
        ASSERT_TRUE(result.ok()) << result.error().message();
        ++n_cut;
        break;
      }
      case 1: {  // one sample is enough
        r.samples.resize(3, r.samples[0]);
        const auto result = e.generate(r, [&](const GenerateEvent& event) {
          return event.sample == 1 ? Continue::kEndSample : Continue::kYes;
        });
        ASSERT_TRUE(result.ok()) << result.error().message();
        ++n_cut;
        break;
      }
      case 2: {
        r.deadline_ns = monotonic_ns() + static_cast<int64_t>(random() % 3'000'000);
        const auto result = e.generate(r);
        ASSERT_TRUE(result.ok()) << result.error().message();
        ++n_cut;
        break;
      }
      case 3:  // can never run
        r.samples.resize(5000, r.samples[0]);
        ASSERT_FALSE(e.generate(r).ok());
        ++n_cut;
        break;
      default: {
        const auto result = e.generate(r);
        ASSERT_TRUE(result.ok()) << result.error().message();
        ASSERT_EQ(tokens_of(*result), quiet.at(text)) << text;
        ++n_whole;
      }
    }
  }
}

/// Waits until the loop's thread has taken note that everybody has gone.
EngineLoad load_at_rest(const Engine& e) {
  const int64_t give_up_ns = monotonic_ns() + 20'000'000'000;
  EngineLoad load = e.load();
  while (load.n_running + load.n_waiting > 0 && monotonic_ns() < give_up_ns) {
    std::this_thread::yield();
    load = e.load();
  }
  return load;
}

TEST(EngineSoak, NothingDiesLeaksOrAnswersOtherwise) {
  const char* asked = std::getenv("WHET_SOAK_SECONDS");
  const double seconds = asked != nullptr ? std::atof(asked) : 4;
  ASSERT_GT(seconds, 0) << "WHET_SOAK_SECONDS: expected seconds, found " << asked;
  const int64_t end_ns = monotonic_ns() + static_cast<int64_t>(seconds * 1e9);
  const std::string directory = testing::TempDir() + "/whet-soak-" + std::to_string(::getpid());

  Answers quiet;
  {
    auto e = engine({.threads = 1, .prefix_cache = false});
    for (size_t text = 0; text < kTexts; ++text) {
      quiet[text] = tokens_of(e->generate(request(text)).value());
    }
  }
  std::atomic<int64_t> n_whole = 0, n_cut = 0;
  int64_t n_lives = 0, descriptors = 0, resident = 0;
  while (monotonic_ns() < end_ns || n_lives < 3) {
    // Room for a few requests at once and little more: most of what is kept is evicted again.
    auto e = engine({.threads = 2,
                     .batch = 64,
                     .reserve_ahead = 16,
                     .kv_bytes = 6 << 20,
                     .prefix_directory = directory,
                     .prefix_limits = {.max_bytes = 8 << 20}});
    const int64_t life_ns = std::max<int64_t>(1'000'000'000, (end_ns - monotonic_ns()) / 40);
    const int64_t life_end_ns = monotonic_ns() + life_ns;
    std::vector<std::thread> askers;
    for (size_t i = 0; i < kAskers; ++i) {
      const uint64_t seed = static_cast<uint64_t>(n_lives) * kAskers + i;
      askers.emplace_back([&, seed] { ask(*e, quiet, seed, life_end_ns, n_whole, n_cut); });
    }
    for (std::thread& asker : askers) asker.join();
    const EngineLoad load = load_at_rest(*e);
    EXPECT_EQ(load.n_running + load.n_waiting, 0);
    EXPECT_EQ(load.n_reserved, 0);
    EXPECT_EQ(load.kv.n_held, 0);
    EXPECT_EQ(load.kv.n_sequences, 0);
    // What is committed is what the prefix index keeps.
    EXPECT_LE(load.kv.n_kept, load.kv.n_blocks);
    const uint64_t block_bytes = KvLayout::in_blocks(e->kv_shape()).value().block_bytes();
    EXPECT_LE(load.kv.committed_bytes, static_cast<uint64_t>(load.kv.n_kept) * block_bytes);
    e.reset();
    if (testing::Test::HasFatalFailure()) return;
    ++n_lives;
    if (n_lives == 2) {
      descriptors = open_descriptors();
      resident = resident_bytes();
    }
  }
  EXPECT_EQ(open_descriptors(), descriptors);
  EXPECT_LT(resident_bytes(), resident + (48 << 20));
  EXPECT_GT(n_whole, 0);
  EXPECT_GT(n_cut, 0);
  std::cout << n_whole << " whole answers, " << n_cut << " cut or refused, " << n_lives
            << " lives of the engine; resident " << (resident >> 20) << " MB after two of them, "
            << (resident_bytes() >> 20) << " MB in the end\n";
  std::filesystem::remove_all(directory);
}

}  // namespace
}  // namespace whet
