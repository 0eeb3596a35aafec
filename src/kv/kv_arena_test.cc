#include "kv/kv_arena.h"

#include <gtest/gtest.h>

#include <list>

#include "base/rng.h"
#include "kv/kv_for_test.h"

namespace whet {
namespace {

KvShape shape_of(DType type, int64_t capacity = 1000) {
  return {{{2, 32, 32}, {1, 32, 64}}, capacity, type};
}

std::unique_ptr<KvArena> arena_of(const KvShape& shape, int64_t n_blocks) {
  const uint64_t block_bytes = KvLayout::in_blocks(shape).value().block_bytes();
  return KvArena::create(shape, static_cast<uint64_t>(n_blocks) * block_bytes + 1).value();
}

TEST(KvArena, RefusesABudgetBelowOneBlockWithBothNumbers) {
  const auto refused = KvArena::create(shape_of(DType::F16), 1000);
  ASSERT_FALSE(refused.ok());
  EXPECT_NE(refused.error().message().find("at least one block of 128 positions"),
            std::string::npos);
  EXPECT_NE(refused.error().message().find("found 1000 bytes"), std::string::npos);
}

/// A sequence of the arena beside the same one on contiguous memory of its own.
struct Pair {
  KvSequence kv, plain;
};

TEST(KvArena, RandomTracesAreBitEqualToPlainCachesAndLeaveNothing) {
  for (DType type : kKvTypes) {
    for (uint64_t seed = 0; seed < 3; ++seed) {
      const KvShape shape = shape_of(type, 700);
      const TestKeysAndValues rows(shape);
      auto arena = arena_of(shape, 24);
      const CounterRng rng(seed, 2);
      std::list<Pair> pairs;
      int n_refused = 0;
      for (uint64_t step = 0; step < 160; ++step) {
        const uint64_t bits = rng.bits(step);
        const auto draw = [&](int64_t n) {
          return static_cast<int64_t>(bits / 4096 % static_cast<uint64_t>(n));
        };
        auto chosen = pairs.begin();
        if (!pairs.empty()) std::advance(chosen, bits / 16 % pairs.size());
        switch (pairs.empty() ? 0 : bits % 8) {
          case 0:
            pairs.push_back({arena->open().value(), KvSequence::create(shape).value()});
            break;
          case 1:
          case 2: {
            const int64_t n = draw(chosen->kv.size() + 1);
            pairs.push_back(
                {arena->branch(chosen->kv, n).value(), KvSequence::create(shape).value()});
            pairs.back().plain.copy_prefix(chosen->plain, n);
            break;
          }
          case 3: {
            const int64_t n = draw(chosen->kv.size() + 1);
            chosen->kv.rewind(n);
            chosen->plain.rewind(n);
            break;
          }
          case 4:
            pairs.erase(chosen);
            break;
          default: {
            const int64_t n = std::min(draw(200), shape.capacity - chosen->kv.size());
            const int64_t size = chosen->kv.size();
            if (!chosen->kv.prepare(n).ok()) {
              ++n_refused;
              ASSERT_EQ(chosen->kv.size(), size);
              break;
            }
            rows.write(chosen->kv, n, step);
            rows.write(chosen->plain, n, step);
          }
        }
        int64_t needed = 0;
        for (const Pair& pair : pairs) {
          ASSERT_EQ(pair.kv.size(), pair.plain.size());
          if (step % 8 == 7) {
            ASSERT_EQ(rows.bytes(pair.kv), rows.bytes(pair.plain)) << seed << " " << step;
          }
          needed += pair.kv.size();
        }
        const KvStats stats = arena->stats();
        ASSERT_EQ(stats.n_sequences, static_cast<int64_t>(pairs.size()));
        ASSERT_LE(stats.committed_bytes,
                  static_cast<uint64_t>(stats.n_held) * arena->layout().block_bytes());
        // Shared tails that only one still needs make these two disagree by less than a block each.
        const auto naive = static_cast<uint64_t>(needed) * shape.bytes_per_position();
        ASSERT_GE(stats.needed_bytes + stats.shared_bytes, naive);
        ASSERT_EQ(arena->free_blocks(), 24 - stats.n_held);
      }
      EXPECT_GT(n_refused, 0) << "the budget was never reached";
      pairs.clear();
      EXPECT_EQ(arena->free_blocks(), 24);
      EXPECT_EQ(arena->stats().committed_bytes, 0u);
      EXPECT_EQ(arena->stats().needed_bytes, 0u);
    }
  }
}

TEST(KvArena, SixteenSamplesOfALongPromptTakeAQuarterOfNaive) {
  const KvShape shape = KvShape::uniform(3, 2, 64, 4096);
  const TestKeysAndValues rows(shape);
  auto arena = arena_of(shape, 64);
  KvSequence prompt = arena->open().value();
  rows.write(prompt, 1024, 1);
  std::vector<KvSequence> samples;
  for (int i = 0; i < 16; ++i) samples.push_back(arena->branch(prompt, 1024).value());
  const uint64_t of_prompt = 1024 * shape.bytes_per_position();
  EXPECT_EQ(arena->stats().committed_bytes, of_prompt);
  EXPECT_EQ(arena->stats().shared_bytes, 16 * of_prompt);
  for (KvSequence& sample : samples) rows.write(sample, 256, 2);
  const uint64_t naive = 16 * (1024 + 256) * shape.bytes_per_position();
  EXPECT_EQ(arena->stats().committed_bytes, naive / 4);
  EXPECT_EQ(arena->stats().needed_bytes, naive / 4);
}

TEST(KvArena, PagesAreCommittedAsTheyAreWritten) {
  const KvShape shape = KvShape::uniform(4, 8, 128, 1 << 16);
  auto arena = arena_of(shape, 512);
  KvSequence kv = arena->open().value();
  ASSERT_TRUE(kv.prepare(128).ok());
  EXPECT_EQ(arena->stats().committed_bytes, 0u);
  TestKeysAndValues(shape).write(kv, 16, 1);
  EXPECT_EQ(arena->stats().committed_bytes, 16 * shape.bytes_per_position());
}

TEST(KvArenaDeathTest, SharedBlocksAreReadOnlyInTheChild) {
  const KvShape shape = shape_of(DType::F16);
  auto arena = arena_of(shape, 8);
  KvSequence parent = arena->open().value();
  TestKeysAndValues(shape).write(parent, 130, 1);
  KvSequence child = arena->branch(parent, 130).value();
  EXPECT_DEATH(*child.layer(0).keys(0) = std::byte{1}, "");
  EXPECT_DEATH(parent.extend(1), "check failed");  // its last block is shared now
}

TEST(KvArena, ReclaimsWhatIsOnlyKept) {
  const KvShape shape = shape_of(DType::F16);
  const TestKeysAndValues rows(shape);
  auto arena = arena_of(shape, 4);
  std::vector<int64_t> kept;
  {
    KvSequence kv = arena->open().value();
    rows.write(kv, 300, 1);
    for (int64_t i = 0; i < 3; ++i) arena->keep(kv, i);
    kept = arena->prefix_of(kv, 300).blocks;
  }
  EXPECT_EQ(arena->free_blocks(), 4);
  EXPECT_EQ(arena->stats().n_kept, 3);
  EXPECT_GT(arena->stats().committed_bytes, 0u);
  KvSequence kv = arena->open().value();
  EXPECT_FALSE(kv.prepare(512).ok());
  arena->set_reclaim([&] {
    if (kept.empty()) return false;
    arena->drop(kept.back());
    kept.pop_back();
    return true;
  });
  ASSERT_TRUE(kv.prepare(512).ok());
  EXPECT_TRUE(kept.empty());
  EXPECT_EQ(arena->free_blocks(), 0);
  const auto refused = kv.prepare(600);
  ASSERT_FALSE(refused.ok());
  EXPECT_NE(refused.error().message().find("found 0 of 4"), std::string::npos);
}

}  // namespace
}  // namespace whet
